from __future__ import annotations

from ci_ops.checks._verdict import RETRY_AFTER_FACT, Fault, conclude, evidence
from ci_ops.checks.tls import Tls
from ci_ops.core.health.status import Status
from tests.support.checking import a_world, rules_of

SECRET = "hunter2-hunter2-hunter2"


def fault(rule: str, severity: Status, **more: object) -> Fault:
    return Fault(rule=rule, severity=severity, sentence=f"{rule}.", **more)  # type: ignore[arg-type]


def test_evidence_is_one_bounded_line_without_secrets() -> None:
    world = a_world()
    world.redact.add(SECRET)
    assert evidence(world, f"a\n\tb {SECRET}\x1b[0m") == "a b *** [0m"
    assert evidence(world, "x" * 999) == "x" * 299 + "…"
    assert evidence(world, "abcdef", 3) == "ab…"


def test_a_secret_that_is_cut_in_half_is_not_shown() -> None:
    world = a_world()
    world.redact.add(SECRET)
    for blanks in range(3960, 4002):
        shown = evidence(world, "said:" + " " * blanks + SECRET)
        assert shown in {"said:", "said: ***"}


def test_the_worst_fault_comes_first_and_decides() -> None:
    faults = [fault("differs", Status.WARN), fault("url", Status.ERROR), fault("expires", Status.FAIL)]
    result = conclude(Tls(), faults, sentence="fine", measured=1)
    assert rules_of(result) == ["expires", "url", "differs"]
    assert (result.status, result.sentence) == (Status.FAIL, "expires. (and 2 more)")
    assert conclude(Tls(), [], sentence="fine", measured=1).sentence == "fine"


def test_a_result_is_transient_when_nothing_that_decides_is_there_to_stay() -> None:
    passing, lasting = fault("unreachable", Status.FAIL, transient=True), fault("url", Status.ERROR)
    warning = fault("differs", Status.WARN)
    assert conclude(Tls(), [passing, warning], sentence="", measured=0).transient
    assert not conclude(Tls(), [passing, lasting], sentence="", measured=0).transient
    assert not conclude(Tls(), [warning], sentence="", measured=1).transient


def test_the_longest_wish_to_wait_is_kept_where_the_result_is_not_good() -> None:
    asked = [
        fault("unreachable", Status.FAIL, transient=True, wait_seconds=seconds) for seconds in (3.0, 9.0)
    ]
    assert conclude(Tls(), asked, sentence="", measured=0).facts == {RETRY_AFTER_FACT: 9.0}
    warning = fault("differs", Status.WARN, wait_seconds=3.0)
    assert conclude(Tls(), [warning], sentence="", measured=1).facts == {}
