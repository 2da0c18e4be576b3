from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ci_ops.checks._finish import MAX_LISTED_TRIES
from ci_ops.checks._trouble import RULES
from ci_ops.checks.command import Command
from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.ports.http import Http, HttpError, Response
from ci_ops.core.ports.world import World
from ci_ops.core.result import Location, Result
from ci_ops.core.subject import Subject
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, a_world, asking_to_stop, checked, clean_env
from tests.support.jump_clock import JumpClock

Look = Callable[[Subject, World], list[Result]]


@dataclass(frozen=True, kw_only=True)
class Sample(Check):
    """A check that does what the test says."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.VERIFY})
    rules: ClassVar[dict[str, Rule]] = {"bad": Rule(sentence="Bad.", advice="Fix it.")}

    look: Look = lambda *_: [good()]
    tries: int | None = None

    @property
    def max_tries(self) -> int | None:
        return self.tries

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        yield from self.look(subject, world)


class Revision(Sample):
    """Another plugin, which comes first."""


class Later(Sample):
    """A check that comes after another."""

    after: ClassVar[tuple[str, ...]] = ("revision", "not-configured")


def good(**facts: Any) -> Result:
    return Result(check="sample", status=Status.PASS, sentence="Good.", measured=1, facts=facts)


def bad(*, transient: bool = False, status: Status = Status.FAIL, **facts: Any) -> Result:
    finding = Sample().finding("bad", status, observed="Seen.")
    return Result(
        check="sample",
        status=status,
        sentence="Bad.",
        measured=0,
        findings=(finding,),
        transient=transient,
        facts=facts,
    )


@dataclass
class Script:
    """Answers one after another, the last one again and again."""

    answers: list[Result]
    subjects: list[Subject] = field(default_factory=list)

    def __call__(self, subject: Subject, _: World) -> list[Result]:
        self.subjects.append(subject)
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def named(name: str, plugin: Check, **more: Any) -> Named[Check]:
    return Named(name=name, plugin=plugin, **more)


def ask(look: Look, **settings: Any) -> Result:
    (result,) = checked([named("mine", Sample(look=look, **settings))], a_subject(), a_world())
    return result


def test_a_result_gets_the_configured_name_place_and_weight() -> None:
    place = Location(file="ci-ops.yml", line=7)
    check = named("mine", Sample(look=Script([bad()])), required=False, location=place)
    (result,) = checked([check], a_subject(), a_world())
    assert (result.check, result.required, result.attempts) == ("mine", False, 1)
    assert result.findings[0].location == place
    assert result.findings[0].rule == "sample/bad"


def test_results_stand_in_the_order_of_the_configuration_and_are_told_as_they_end() -> None:
    told: list[str] = []
    checks = [named("c", Later()), named("b", Sample()), named("a", Revision())]
    results = checked(checks, a_subject(), a_world(), on_result=lambda result: told.append(result.check))
    assert [result.check for result in results] == ["c", "b", "a"]
    assert sorted(told) == ["a", "b", "c"]
    assert told.index("a") < told.index("c")


def test_a_check_comes_after_another_that_failed_and_used_up_the_time() -> None:
    order: list[str] = []

    def note(name: str, answer: Result) -> Look:
        def look(*_: object) -> list[Result]:
            order.append(name)
            return [answer]

        return look

    checks = [
        named("endpoints", Later(look=note("endpoints", bad()))),
        named("revision", Revision(look=note("revision", bad(transient=True)))),
    ]
    results = checked(checks, a_subject(), a_world(), deadline_seconds=3.0)
    assert [result.status for result in results] == [Status.FAIL, Status.FAIL]
    assert order == ["revision"] * 4 + ["endpoints"]


def test_a_transient_result_is_asked_again_until_it_is_good() -> None:
    result = ask(Script([bad(transient=True), bad(transient=True), good()]))
    assert (result.status, result.attempts, result.seconds) == (Status.PASS, 3, 2.0)
    assert result.facts["tries"] == [
        {"at_seconds": 0.0, "status": "fail", "sentence": "Bad."},
        {"at_seconds": 1.0, "status": "fail", "sentence": "Bad."},
        {"at_seconds": 2.0, "status": "pass", "sentence": "Good."},
    ]


def test_a_transient_result_is_asked_again_at_most_until_the_deadline() -> None:
    result = ask(Script([bad(transient=True)]))
    assert (result.status, result.attempts, result.seconds) == (Status.FAIL, 11, 10.0)


def test_the_evidence_of_many_tries_is_bounded() -> None:
    (result,) = checked(
        [named("mine", Sample(look=Script([bad(transient=True)])))],
        a_subject(),
        a_world(),
        deadline_seconds=60.0,
    )
    assert result.attempts == 61
    assert len(result.facts["tries"]) == MAX_LISTED_TRIES


def test_a_result_that_is_there_to_stay_is_not_asked_again() -> None:
    assert ask(Script([bad(), good()])).attempts == 1


def test_one_lasting_result_among_several_settles_the_check() -> None:
    results = checked(
        [named("mine", Sample(look=lambda *_: [bad(transient=True), bad(), good()]))],
        a_subject(),
        a_world(),
    )
    assert [(result.status, result.attempts) for result in results] == [
        (Status.FAIL, 1),
        (Status.FAIL, 1),
        (Status.PASS, 1),
    ]


def test_a_check_can_limit_how_often_it_is_asked() -> None:
    assert ask(Script([bad(transient=True)]), tries=3).attempts == 3


def test_the_other_side_s_wish_to_wait_is_honoured() -> None:
    world = a_world()
    look = Script([bad(transient=True, retry_after_seconds=4.0), good()])
    checked([named("mine", Sample(look=look))], a_subject(), world)
    assert isinstance(world.clock, JumpClock)
    assert world.clock.waits == [4.0]


@dataclass
class Refusing:
    """HTTP that is always refused, and remembers how long it could have waited."""

    timeouts: list[float] = field(default_factory=list)

    def request(self, method: str, url: str, *, timeout_seconds: float, **more: Any) -> Response:
        del method, url, more
        self.timeouts.append(timeout_seconds)
        raise HttpError("refused", "It was refused.", transient=True)

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        del url, timeout_seconds
        return ()


def test_a_try_never_has_more_time_than_is_left_but_always_a_little() -> None:
    http = Refusing()

    class RefusingWorld(RealWorld):
        @property
        def http(self) -> Http:
            return http

    def look(subject: Subject, world: World) -> list[Result]:
        with pytest.raises(HttpError):
            world.http.request("GET", "", timeout_seconds=subject.timeout_seconds)
        return [bad(transient=True)]

    world = RefusingWorld(env=clean_env(), clock=JumpClock())
    subject = a_subject(timeout_seconds=8.0)
    checked([named("mine", Sample(look=look))], subject, world, deadline_seconds=9.0)
    assert http.timeouts == [8, 8, 7, 6, 5, 4, 3, 2, 2, 2]


def test_an_unexpected_exception_is_an_error_with_a_neutral_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = a_world()
    world.redact.add("hunter2-hunter2")

    def crash(subject: Subject, world: World) -> list[Result]:
        raise RuntimeError("the token is hunter2-hunter2")

    with caplog.at_level(logging.DEBUG, logger="ci_ops.checks._repeat"):
        (result,) = checked([named("mine", Sample(look=crash))], a_subject(), world)
    assert (result.status, result.measured, result.attempts) == (Status.ERROR, 0, 1)
    assert result.findings[0].rule == "check/crashed"
    assert result.findings[0].advice == RULES["crashed"].advice
    assert "hunter2" not in str(result.to_json()) + caplog.text
    assert "RuntimeError" not in str(result.to_json())
    assert "RuntimeError" in caplog.text


def test_an_expected_error_is_told_with_its_hint() -> None:
    def refuse(subject: Subject, world: World) -> list[Result]:
        raise UsageError("the folder is missing", hint="Make it.")

    result = ask(refuse)
    assert (result.status, result.sentence) == (
        Status.ERROR,
        "The check could not be carried out: the folder is missing.",
    )
    assert (result.findings[0].rule, result.findings[0].advice) == ("check/unable", "Make it.")


def test_a_crash_after_a_result_does_not_hide_it_nor_make_it_the_whole_answer() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Half(Sample):
        def run(self, *_: object) -> Iterator[Result]:
            yield good()
            raise KeyError("x")

    results = checked([named("mine", Half())], a_subject(), a_world())
    assert [result.status for result in results] == [Status.PASS, Status.ERROR]


def test_a_check_that_gives_no_result_is_an_error() -> None:
    result = ask(lambda *_: [])
    assert (result.status, result.findings[0].rule) == (Status.ERROR, "check/no-result")


def test_a_check_in_the_wrong_phase_is_an_error_and_is_not_run() -> None:
    look = Script([good()])
    (result,) = checked([named("mine", Sample(look=look))], a_subject(), a_world(), phase=Phase.READINESS)
    assert (result.status, result.findings[0].rule) == (Status.ERROR, "check/wrong-phase")
    assert result.sentence == "This check is for verify, not for readiness."
    assert look.subjects == []


def test_no_secret_leaves_the_machinery_whatever_a_check_puts_where() -> None:
    world = a_world()
    world.redact.add("hunter2-hunter2")
    secret = "hunter2-hunter2"
    finding = Sample().finding(
        "bad", Status.FAIL, f"s {secret}", expected=secret, observed=secret, subject=secret, advice=secret
    )
    leaky = Result(
        check="sample",
        status=Status.FAIL,
        sentence=secret,
        measured=1,
        findings=(finding,),
        facts={"a": secret, secret: [{"b": (secret, 1)}], "n": 1.5},
    )
    (result,) = checked([named("mine", Sample(look=lambda *_: [leaky]))], a_subject(), world)
    assert "hunter2" not in str(result.to_json())
    assert result.facts["n"] == 1.5


def test_no_checks_give_no_results() -> None:
    assert checked([], a_subject(), a_world()) == ()


def test_many_checks_run_at_once_but_no_more_than_eight() -> None:
    barrier = threading.Barrier(8, timeout=10)

    def meet(subject: Subject, world: World) -> list[Result]:
        barrier.wait()
        return [good()]

    checks = [named(f"check-{number}", Sample(look=meet)) for number in range(16)]
    results = checked(checks, a_subject(), a_world())
    assert {result.status for result in results} == {Status.PASS}


def test_a_stop_request_ends_the_waiting_between_tries_at_once() -> None:
    stop = StopSignal()
    world = RealWorld(env=clean_env(), stop=stop)
    look = Script([bad(transient=True)])
    asker = asking_to_stop(stop, once=lambda: bool(look.subjects))
    with pytest.raises(Interrupted):
        checked([named("mine", Sample(look=look))], a_subject(), world, deadline_seconds=600.0)
    asker.join()
    assert len(look.subjects) <= 2


def test_a_stop_request_does_not_wait_for_a_hanging_request() -> None:
    stop, release = StopSignal(), threading.Event()
    world = RealWorld(env=clean_env(), stop=stop)

    def hang(subject: Subject, world: World) -> list[Result]:
        stop.request(15)
        release.wait()
        return [good()]

    with pytest.raises(Interrupted):
        checked([named("mine", Sample(look=hang))], a_subject(), world)
    assert not release.is_set()
    release.set()


def test_a_stop_request_waits_until_child_programs_have_ended(tmp_path: Path) -> None:
    stop = StopSignal()
    world = RealWorld(env=clean_env(), stop=stop)
    started, ended = tmp_path / "started", tmp_path / "ended"
    line = (
        f"exec {sys.executable} -c '"
        "import pathlib, signal, sys, threading\n"
        f'signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path("{ended}").touch(), sys.exit(1)))\n'
        f'pathlib.Path("{started}").touch()\n'
        "threading.Event().wait(60)'"
    )
    asker = asking_to_stop(stop, once=started.exists)
    with pytest.raises(Interrupted):
        checked([named("mine", Command(run_=line))], a_subject(tmp_path), world)
    assert ended.exists()
    asker.join()
