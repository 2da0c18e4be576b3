from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.result import Finding, Result
from ci_ops.core.suppress import Suppression, suppress

TODAY = date(2026, 6, 30)
OPEN = Suppression(reason="demo keys", until=TODAY)
ENDED = Suppression(reason="demo keys", until=date(2026, 6, 29))


def found(rule: str, severity: Status = Status.FAIL, subject: str = "") -> Finding:
    return Finding(rule=rule, severity=severity, sentence="It is so.", subject=subject)


def result(status: Status, *findings: Finding, measured: int = 1) -> Result:
    return Result(check="env", status=status, sentence="1 of 3 is bad", measured=measured, findings=findings)


def after(one: Result, **ignore: Suppression) -> tuple[Result, tuple[str, ...]]:
    keys = {key.replace("__", "/").replace("_any", "*"): each for key, each in ignore.items()}
    (kept,), notes = suppress([one], keys, today=TODAY)
    return kept, notes


def test_an_ignored_finding_is_gone_and_a_note_says_why() -> None:
    kept, notes = after(result(Status.FAIL, found("env/bad")), env__bad=OPEN)
    assert (kept.status, kept.findings) == (Status.PASS, ())
    assert kept.sentence == "1 of 3 is bad (ignored: env/bad)"
    assert notes == ("Ignored until 2026-06-30 in env: env/bad. Reason: demo keys",)


def test_the_day_after_the_last_one_the_finding_counts_again_loudly() -> None:
    one = result(Status.FAIL, found("env/bad"))
    kept, notes = after(one, env__bad=ENDED)
    assert kept == one
    assert notes[0] == (
        "The ignore of env/bad ended on 2026-06-29, so its finding in env counts again: "
        "fix it, or renew `until` under `ignore`."
    )


def test_the_status_becomes_that_of_the_worst_finding_that_is_left() -> None:
    one = result(Status.FAIL, found("env/bad"), found("env/odd", Status.WARN))
    kept, _ = after(one, env__bad=OPEN)
    assert (kept.status, [each.rule for each in kept.findings]) == (Status.WARN, ["env/odd"])


def test_a_result_that_measured_nothing_becomes_a_skip_and_never_a_pass() -> None:
    kept, _ = after(result(Status.ERROR, found("env/no-tool", Status.ERROR), measured=0), env__no_tool=OPEN)
    assert kept.status is Status.ERROR
    kept, _ = after(result(Status.ERROR, found("env/gone", Status.ERROR), measured=0), env__gone=OPEN)
    assert kept.status is Status.SKIP
    assert not kept.blocks


def test_a_result_that_is_worse_than_its_findings_keeps_its_status() -> None:
    kept, _ = after(result(Status.FAIL, found("env/odd", Status.WARN)), env__odd=OPEN)
    assert (kept.status, kept.findings) == (Status.FAIL, ())


def test_a_result_that_is_milder_than_its_findings_does_not_get_worse() -> None:
    kept, _ = after(result(Status.WARN, found("env/bad"), found("env/odd")), env__odd=OPEN)
    assert kept.status is Status.WARN


def test_a_star_stands_for_every_rule_of_the_check() -> None:
    kept, notes = after(result(Status.FAIL, found("env/bad"), found("env/odd")), env___any=OPEN)
    assert kept.status is Status.PASS
    assert len(notes) == 2


def test_the_exact_rule_decides_before_the_star() -> None:
    kept, _ = after(result(Status.FAIL, found("env/bad")), env___any=OPEN, env__bad=ENDED)
    assert kept.status is Status.FAIL


def test_the_same_rule_found_twice_gives_one_note() -> None:
    _, notes = after(
        result(Status.FAIL, found("env/bad", subject="A"), found("env/bad", subject="B")), env__bad=OPEN
    )
    assert len(notes) == 1


def test_what_nobody_ignores_stays_as_it_is() -> None:
    one = result(Status.FAIL, found("environment/bad"))
    assert after(one, env__bad=OPEN, env___any=OPEN) == (one, ())


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_suppression_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="reason: say why"):
        Suppression(reason=reason, until=TODAY)


def test_results_keep_their_order_and_other_values() -> None:
    several: list[Any] = [result(Status.PASS), result(Status.FAIL, found("env/bad")), result(Status.WARN)]
    kept, _ = suppress(several, {"env/bad": OPEN}, today=TODAY)
    assert [each.status for each in kept] == [Status.PASS, Status.PASS, Status.WARN]
