"""Retries of one check until its result is final or time is up."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.checks._finish import finish
from ci_ops.checks._patience import Patience
from ci_ops.checks._trouble import trouble
from ci_ops.checks._verdict import HAS_DOCUMENT_FACT, LASTING_FACT, RETRY_AFTER_FACT
from ci_ops.core.deadline import Deadline, ask_until
from ci_ops.core.errors import CiOpsError, Interrupted
from ci_ops.core.plugin import Phase
from ci_ops.core.ports.world import World
from ci_ops.core.result import Result
from ci_ops.core.subject import Subject

if TYPE_CHECKING:
    from ci_ops.core.named import NamedCheck

log = logging.getLogger(__name__)

MIN_TRY_SECONDS = 2.0
"""Minimum time for one try, also after the deadline; with less, a slow answer would look like none."""
REPORT_SECONDS = 10.0
"""How often a check that is still asked again says what it sees."""

OnRetry = Callable[[str, str, float], None]
"""Told the check's name, what it sees, and the seconds for which it is still asked again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """The outcome of one try, as the loop needs it."""

    results: tuple[Result, ...]
    at_seconds: float
    patience_left_seconds: float | None = None
    """How long an answer that seldom changes is still asked for; None for one that may change soon."""

    @property
    def is_settled(self) -> bool:
        """True when a retry could not, or is unlikely to, change anything."""
        bad = self.bad
        return not bad or not all(result.transient for result in bad) or self.is_given_up

    @property
    def bad(self) -> tuple[Result, ...]:
        """The results that are neither pass nor warn."""
        return tuple(result for result in self.results if not result.status.is_good)

    @property
    def is_given_up(self) -> bool:
        """True when the result could still change but did not for as long as is worth waiting."""
        return self.patience_left_seconds == 0

    @property
    def has_document(self) -> bool:
        """True when the service answered with a health document."""
        return any(result.facts.get(HAS_DOCUMENT_FACT) for result in self.results)

    @property
    def wait_seconds(self) -> float | None:
        """The wait that the other side requested; None if it requested none."""
        asked = [
            result.facts[RETRY_AFTER_FACT] for result in self.results if RETRY_AFTER_FACT in result.facts
        ]
        return max(asked, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """The state that all checks of a run share."""

    subject: Subject
    world: World
    phase: Phase
    waits: Callable[[], Iterator[float]]
    deadline: Deadline
    """Until when a check is asked again."""
    limit: Deadline | None
    """Until when everything that a check calls has ended; None where its own time limits hold."""
    patience: Patience
    on_retry: OnRetry | None = None

    def until_settled(self, named: NamedCheck) -> tuple[Result, ...]:
        """Retry until the result passes, is permanent, or time is up."""
        clock = self.world.clock
        started = clock.monotonic()
        reported = started
        tries: list[Try] = []

        def ask() -> Try:
            nonlocal reported
            self.world.stop.check()
            answer = self._once(named, tries, started)
            tries.append(answer)
            if not answer.is_settled and clock.monotonic() - reported >= REPORT_SECONDS:
                reported = clock.monotonic()
                self._report(named, answer)
            return answer

        answer, _ = ask_until(
            ask,
            deadline=self.deadline,
            clock=clock,
            waits=self._waits(tries),
            max_tries=named.plugin.max_tries,
        )
        seconds = clock.monotonic() - started
        return tuple(
            finish(result, named, self.world, tries=tries, seconds=seconds) for result in answer.results
        )

    def _once(self, named: NamedCheck, tries: Sequence[Try], started: float) -> Try:
        results = self._results(named, tries)
        answer = Try(results=results, at_seconds=self.world.clock.monotonic() - started)
        words = {str(result.facts.get(LASTING_FACT, "")) for result in answer.bad}
        left = self.patience.left_seconds(", ".join(sorted(words)) if all(words) else "")
        return replace(answer, patience_left_seconds=left)

    def _results(self, named: NamedCheck, tries: Sequence[Try]) -> tuple[Result, ...]:
        plugin, results = named.plugin, list[Result]()
        if self.phase not in plugin.phases:
            where = " or ".join(sorted(plugin.phases))
            return (trouble(plugin, "wrong-phase", f"This check is for {where}, not for {self.phase}."),)
        try:
            results.extend(plugin.run(self._subject(tries), self._world()))
        except Interrupted:
            raise
        except CiOpsError as error:
            results.append(
                trouble(plugin, "unable", f"The check could not be carried out: {error}.", error.hint)
            )
        except Exception:  # noqa: BLE001 - one check's defect must not take the others with it
            log.debug("check %s failed:\n%s", named.name, self.world.redact(traceback.format_exc()))
            results.append(trouble(plugin, "crashed"))
        return tuple(results) or (trouble(plugin, "no-result"),)

    def _subject(self, tries: Sequence[Try]) -> Subject:
        """Return the subject for the next try, with the observations of earlier ones."""
        had_document = self.subject.had_health_document or any(each.has_document for each in tries)
        return replace(self.subject, had_health_document=had_document, deadline=self.limit)

    def _world(self) -> World:
        """Return the world for the next try, in which nothing outlives the remaining time."""
        if self.limit is None:
            return self.world
        seconds = max(self.limit.left_seconds, MIN_TRY_SECONDS)
        return self.world.within(Deadline.after(seconds, self.world.clock))

    def _waits(self, tries: Sequence[Try]) -> Iterator[float]:
        """Yield the seconds between tries; the last try is made just when patience ends."""
        for seconds in self.waits():
            left = tries[-1].patience_left_seconds
            yield seconds if left is None else min(seconds, left)

    def _report(self, named: NamedCheck, answer: Try) -> None:
        if self.on_retry is not None:
            left = self.deadline.left_seconds
            if answer.patience_left_seconds is not None:
                left = min(left, answer.patience_left_seconds)
            self.on_retry(named.name, answer.bad[0].sentence, left)
