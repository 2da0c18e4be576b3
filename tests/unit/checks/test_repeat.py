"""How long a check is asked again: what may change soon, what seldom changes, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._patience import SHARE, Patience
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.endpoints import Endpoints
from ci_ops.checks.health import Health
from ci_ops.checks.revision import Revision
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.ports.world import World
from ci_ops.core.result import Result
from ci_ops.core.subject import Subject
from ci_ops.edge.world import RealWorld
from tests.support.checking import NEW, a_subject, a_world, checked, clean_env, rules_of
from tests.support.jump_clock import JumpClock
from tests.support.sample_service import SampleService, said, sample_service, text

DEADLINE_SECONDS = 120.0
PATIENCE_SECONDS = DEADLINE_SECONDS * SHARE


@dataclass(frozen=True, kw_only=True)
class Sample(Check):
    """A check that shows one fault after another, the last one again and again; `good` shows none."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.VERIFY})
    after: ClassVar[tuple[str, ...]] = ("first",)
    rules: ClassVar[dict[str, Rule]] = {
        "gone": Rule(sentence="It is gone.", advice="Look for it."),
        "busy": Rule(sentence="It is busy.", advice="Wait."),
    }

    script: list[str] = field(default_factory=list)

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        del subject, world
        word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        fault = Fault(rule=word, severity=Status.FAIL, sentence="", transient=True, lasting=word == "gone")
        yield conclude(self, [] if word == "good" else [fault], sentence="Good.", measured=1)


class First(Sample):
    """The same, before the other."""


def repeated(*checks: Check, **more: Any) -> tuple[Result, ...]:
    named = [Named(name=each.plugin_name(), plugin=each) for each in checks]
    return checked(named, a_subject(), a_world(), deadline_seconds=DEADLINE_SECONDS, **more)


def test_a_fault_that_seldom_goes_away_is_asked_for_a_part_of_the_deadline() -> None:
    (result,) = repeated(Sample(script=["gone"]))
    assert (result.status, result.seconds) == (Status.FAIL, PATIENCE_SECONDS)
    assert PATIENCE_SECONDS * 5 < DEADLINE_SECONDS
    assert result.sentence == "It is gone. Given up after 20.0 s, because that seldom changes by itself."


def test_a_fault_that_may_go_away_soon_is_asked_until_the_deadline() -> None:
    (result,) = repeated(Sample(script=["busy"]))
    assert (result.seconds, result.sentence) == (DEADLINE_SECONDS, "It is busy.")


def test_a_fault_that_goes_away_within_patience_passes() -> None:
    (result,) = repeated(Sample(script=["gone"] * 15 + ["good"]))
    assert (result.status, result.sentence) == (Status.PASS, "Good.")


def test_another_answer_in_between_starts_patience_anew() -> None:
    (result,) = repeated(Sample(script=["gone"] * 15 + ["busy", "gone"]))
    assert result.seconds == 16 + PATIENCE_SECONDS


def test_checks_share_their_patience() -> None:
    first, second = repeated(First(script=["gone"]), Sample(script=["gone"]))
    assert (first.seconds, first.attempts) == (PATIENCE_SECONDS, 21)
    assert (second.seconds, second.attempts) == (0.0, 1)


def test_what_is_seen_while_waiting_is_reported_every_ten_seconds() -> None:
    told: list[tuple[str, str, float]] = []
    repeated(Sample(script=["busy"] * 35 + ["good"]), on_retry=lambda *line: told.append(line))
    assert told == [("sample", "It is busy.", left) for left in (110.0, 100.0, 90.0)]
    told.clear()
    repeated(Sample(script=["gone"]), on_retry=lambda *line: told.append(line))
    assert told == [("sample", "It is gone.", PATIENCE_SECONDS - 10.0)]
    told.clear()
    repeated(Sample(script=["busy"] * 5 + ["good"]), on_retry=lambda *line: told.append(line))
    assert told == []


def test_patience_is_kept_for_each_kind_of_answer() -> None:
    clock = JumpClock()
    patience = Patience(60.0, clock)
    assert patience.left_seconds("status") == 10.0
    clock.sleep(4.0)
    assert (patience.left_seconds("status"), patience.left_seconds("not-asked")) == (6.0, 10.0)
    clock.sleep(20.0)
    assert patience.left_seconds("status") == 0.0
    assert patience.left_seconds("") is None
    assert patience.left_seconds("status") == 10.0


def verified(service: SampleService, *checks: Check, revision: str = NEW) -> dict[str, Result]:
    named = [Named(name=each.plugin_name(), plugin=each) for each in checks]
    subject = a_subject(url=service.url(), revision=revision)
    results = checked(named, subject, a_world(), deadline_seconds=DEADLINE_SECONDS)
    return {result.check: result for result in results}


ORDERS = Endpoints(paths={"/orders": Expectation()})
HEALTH = Health(path="/health", interval=0.0)


def test_a_route_that_the_shipped_release_does_not_have_is_given_up_early(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    results = verified(service, Revision(), ORDERS, HEALTH)
    for name in ("endpoints", "health"):
        assert (results[name].status, rules_of(results[name])) == (Status.FAIL, ["status"])
        assert results[name].seconds == pytest.approx(PATIENCE_SECONDS, abs=2.0)
    results = verified(service, Revision(), Health())
    assert (rules_of(results["health"]), results["health"].facts["lasting"]) == (["not-found"], "not-found")


def test_a_route_is_waited_for_where_the_shipped_release_is_not_live_yet(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    for results in (verified(service, ORDERS), verified(service, Revision(), ORDERS, revision="f" * 40)):
        assert results["endpoints"].seconds <= DEADLINE_SECONDS
        assert "lasting" not in results["endpoints"].facts
    assert verified(service, ORDERS)["endpoints"].seconds == DEADLINE_SECONDS


def test_a_route_that_a_proxy_learns_a_little_later_passes(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    service.says("/orders", *[text("no such route", 404)] * 12, said({}))
    assert verified(service, Revision(), ORDERS)["endpoints"].status is Status.PASS


def test_another_status_of_the_shipped_release_is_waited_for(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    service.says("/orders", text("warming up", 503))
    assert verified(service, Revision(), ORDERS)["endpoints"].seconds == DEADLINE_SECONDS


def test_a_name_that_does_not_exist_is_given_up_early_by_all_checks_together() -> None:
    world = a_world()
    named = [Named(name=each.plugin_name(), plugin=each) for each in (Revision(), HEALTH, ORDERS)]
    subject = a_subject(url="http://service.invalid", timeout_seconds=5.0)
    started = world.clock.monotonic()
    results = checked(named, subject, world, deadline_seconds=DEADLINE_SECONDS)
    assert [result.status for result in results] == [Status.ERROR] * 3
    assert all("has a name that does not exist" in result.findings[0].observed for result in results)
    assert world.clock.monotonic() - started < DEADLINE_SECONDS / 5


class StartingClock(JumpClock):
    """A clock by which a service starts to listen late."""

    def __init__(self, start: Callable[[], None], *, after_seconds: float) -> None:
        super().__init__()
        self._start: Callable[[], None] | None = start
        self._after_seconds = after_seconds

    def sleep(self, seconds: float, /) -> None:
        super().sleep(seconds)
        if self._start is not None and self.monotonic() >= self._after_seconds:
            self._start()
            self._start = None


def test_a_slow_start_that_refuses_connections_for_most_of_the_deadline_passes() -> None:
    with ExitStack() as stack:
        with sample_service() as service:
            url = service.url("/health")

        def start() -> None:
            late = stack.enter_context(sample_service(port=service.port))
            late.says("/health", said({"status": "pass"}))

        clock = StartingClock(start, after_seconds=100.0)
        world = RealWorld(env=clean_env(), clock=clock)
        check = Named(name="health", plugin=Health(interval=0.0))
        (result,) = checked([check], a_subject(url=url), world, deadline_seconds=DEADLINE_SECONDS)
    assert (result.status, result.seconds) == (Status.PASS, 100.0)
