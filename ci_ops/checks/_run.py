"""Runs the checks of one phase: order, threads, repeating, time, crashes.

A result that is transient is asked for again until it is good or there to
stay, the deadline has passed or the check's own number of tries is used up.
Every check is asked at least once, also when those before it have used up the
time: one run names everything that is wrong.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Protocol

from ci_ops.checks._crew import Crew
from ci_ops.checks._verdict import HAS_DOCUMENT_FACT, RETRY_AFTER_FACT
from ci_ops.core.deadline import Deadline, ask_until
from ci_ops.core.errors import CiOpsError, Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Phase, Rule
from ci_ops.core.ports import Subject, World
from ci_ops.core.result import Finding, Result

if TYPE_CHECKING:
    from ci_ops.core.plugin import Check
    from ci_ops.core.result import Location

log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
LEAST_TRY_SECONDS = 2.0
"""The last try before the deadline gets so much time at least; less would only prove that we hurry."""
PROGRAM_END_SECONDS = 5.0
"""How long a stop request waits for child programs: TERM, four seconds, KILL."""
MOST_TRIES_TOLD = 20

RULES: Mapping[str, Rule] = {
    "crashed": Rule(
        sentence="The check itself failed in a way nobody foresaw.",
        advice="Run again with `--log-level debug` and report what it says.",
    ),
    "unable": Rule(
        sentence="The check could not be carried out.",
        advice="Give the check what its sentence asks for.",
    ),
    "no-result": Rule(
        sentence="The check gave no result.",
        advice="Every check has to yield at least one result; this is a defect of the check.",
    ),
    "wrong-phase": Rule(
        sentence="The check does not belong into this phase.",
        advice="Move it to the other one of `readiness.checks` and `verify.checks`.",
    ),
}
"""Findings of the machinery; their rules are written `check/<finding>`."""


class NamedCheck(Protocol):
    """A check as the configuration lists it."""

    @property
    def name(self) -> str:
        """The configuration's key."""
        ...

    @property
    def plugin(self) -> Check:
        """The check with its settings."""
        ...

    @property
    def required(self) -> bool:
        """False when its result does not stand in the way."""
        ...

    @property
    def location(self) -> Location | None:
        """The line that declares it."""
        ...


def run_checks(
    named: Sequence[NamedCheck],
    subject: Subject,
    world: World,
    *,
    phase: Phase,
    deadline_seconds: float,
    waits: Callable[[], Iterator[float]],
    on_result: Callable[[Result], None] | None = None,
) -> tuple[Result, ...]:
    """Every check's results, in the order of the configuration.

    `waits` makes the seconds between two tries of one check, capped and
    jittered. `on_result` is called as each result becomes final. Raises
    Interrupted on a stop request, once child programs have ended.
    """
    asking = _Asking(
        subject=subject,
        world=world,
        phase=phase,
        waits=waits,
        deadline=Deadline.after(deadline_seconds, world.clock),
    )
    order = TopologicalSorter(_predecessors(named))
    order.prepare()
    found: dict[int, tuple[Result, ...]] = {}
    with Crew[int, tuple[Result, ...]](MOST_AT_ONCE, stop=world.stop) as crew:
        try:
            while order.is_active():
                for index in order.get_ready():
                    crew.submit(index, partial(asking.until_settled, named[index]))
                index, found[index] = crew.next()
                order.done(index)
                if on_result is not None:
                    for result in found[index]:
                        on_result(result)
        except Interrupted:
            programs = {index for index, each in enumerate(named) if each.plugin.starts_programs}
            crew.wait_for(programs, PROGRAM_END_SECONDS)
            raise
    return tuple(result for index in range(len(named)) for result in found[index])


def _predecessors(named: Sequence[NamedCheck]) -> dict[int, set[int]]:
    """For each check the ones it comes after: an order, not a condition."""
    kinds = [each.plugin.plugin_name() for each in named]
    return {
        index: {other for other, kind in enumerate(kinds) if kind in each.plugin.after and other != index}
        for index, each in enumerate(named)
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """What one try gave, as the loop wants to know it."""

    results: tuple[Result, ...]
    at_seconds: float

    @property
    def is_settled(self) -> bool:
        bad = [result for result in self.results if not result.status.is_good]
        return not bad or not all(result.transient for result in bad)

    @property
    def has_document(self) -> bool:
        return any(result.facts.get(HAS_DOCUMENT_FACT) for result in self.results)

    @property
    def wait_seconds(self) -> float | None:
        asked = [
            result.facts[RETRY_AFTER_FACT] for result in self.results if RETRY_AFTER_FACT in result.facts
        ]
        return max(asked, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asking:
    """What all checks of a run have in common."""

    subject: Subject
    world: World
    phase: Phase
    waits: Callable[[], Iterator[float]]
    deadline: Deadline

    def until_settled(self, named: NamedCheck) -> tuple[Result, ...]:
        """Ask until the answer is good, there to stay, or time is up."""
        clock = self.world.clock
        started = clock.monotonic()
        tries: list[_Answer] = []

        def ask() -> _Answer:
            self.world.stop.check()
            results = self._once(named, tries)
            tries.append(_Answer(results=results, at_seconds=clock.monotonic() - started))
            return tries[-1]

        answer, _ = ask_until(
            ask,
            deadline=self.deadline,
            clock=clock,
            waits=self.waits(),
            max_tries=named.plugin.most_tries,
        )
        seconds = clock.monotonic() - started
        return tuple(
            _finished(result, named, self.world, tries=tries, seconds=seconds) for result in answer.results
        )

    def _once(self, named: NamedCheck, tries: Sequence[_Answer]) -> tuple[Result, ...]:
        plugin, results = named.plugin, list[Result]()
        if self.phase not in plugin.phases:
            where = " or ".join(sorted(plugin.phases))
            return (_trouble(plugin, "wrong-phase", f"This check is for {where}, not for {self.phase}."),)
        try:
            results.extend(plugin.run(self._subject(tries), self.world))
        except Interrupted:
            raise
        except CiOpsError as error:
            results.append(
                _trouble(plugin, "unable", f"The check could not be carried out: {error}.", error.hint)
            )
        except Exception:  # noqa: BLE001 - one check's defect must not take the others with it
            log.debug("check %s failed:\n%s", named.name, self.world.redact(traceback.format_exc()))
            results.append(_trouble(plugin, "crashed"))
        return tuple(results) or (_trouble(plugin, "no-result"),)

    def _subject(self, tries: Sequence[_Answer]) -> Subject:
        """The subject for the next try, with what the earlier ones showed and the time that is left."""
        if not tries:
            return self.subject
        whole = self.subject.timeout_seconds
        left = max(self.deadline.left_seconds, LEAST_TRY_SECONDS)
        had_document = any(each.has_document for each in tries)
        return replace(
            self.subject,
            timeout_seconds=min(whole, left),
            had_health_document=self.subject.had_health_document or had_document,
        )


def _trouble(plugin: Check, rule: str, sentence: str = "", advice: str = "") -> Result:
    known = RULES[rule]
    sentence = sentence or known.sentence
    finding = Finding(
        rule=f"check/{rule}", severity=Status.ERROR, sentence=sentence, advice=advice or known.advice
    )
    return plugin.result(Status.ERROR, sentence, measured=0, findings=(finding,))


def _finished(
    result: Result, named: NamedCheck, world: World, *, tries: Sequence[_Answer], seconds: float
) -> Result:
    """The result under its configured name, without secrets, every finding with a place."""
    facts = dict(result.facts)
    if len(tries) > 1:
        facts["tries"] = [
            {"at_seconds": round(each.at_seconds, 3), "status": str(one.status), "sentence": one.sentence}
            for each in tries[-MOST_TRIES_TOLD:]
            for one in each.results
        ]
    return replace(
        result.timed(attempts=len(tries), seconds=seconds),
        check=named.name,
        required=named.required,
        sentence=world.redact(result.sentence),
        findings=tuple(_placed(finding, named, world) for finding in result.findings),
        facts=_hidden(facts, world),
    )


def _placed(finding: Finding, named: NamedCheck, world: World) -> Finding:
    return replace(
        finding,
        location=finding.location or named.location,
        sentence=world.redact(finding.sentence),
        expected=world.redact(finding.expected),
        observed=world.redact(finding.observed),
        subject=world.redact(finding.subject),
        advice=world.redact(finding.advice),
    )


def _hidden(value: Any, world: World) -> Any:
    if isinstance(value, str):
        return world.redact(value)
    if isinstance(value, Mapping):
        return {world.redact(str(key)): _hidden(each, world) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each, world) for each in value]
    return value
