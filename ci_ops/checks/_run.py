"""Runs the checks of one phase: order, threads, retries, deadlines, crashes.

A transient result is retried until it passes or is permanent, the deadline has passed or the
check's maximum number of tries is reached; one that seldom changes, for a part of the deadline.
Every check runs at least once, also when its predecessors have used up the time: one run reports
everything that is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from ci_ops.checks._crew import Crew
from ci_ops.checks._patience import Patience
from ci_ops.checks._repeat import OnRetry, Repetition
from ci_ops.core.deadline import Deadline
from ci_ops.core.errors import Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Phase
from ci_ops.core.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ci_ops.core.named import NamedCheck
    from ci_ops.core.ports.world import World
    from ci_ops.core.subject import Subject

MAX_AT_ONCE = 8
PROGRAM_END_SECONDS = 5.0
"""How long a stop request waits for child programs: TERM, four seconds, KILL."""


def run_checks(  # noqa: PLR0913 - what sets one run of checks apart, each by name
    named: Sequence[NamedCheck],
    subject: Subject,
    world: World,
    *,
    phase: Phase,
    deadline_seconds: float,
    is_patient: bool = True,
    waits: Callable[[], Iterator[float]],
    on_result: Callable[[Result], None] | None = None,
    on_retry: OnRetry | None = None,
) -> tuple[Result, ...]:
    """Return every check's results, in the order of the configuration.

    Each is retried until `deadline_seconds` are over; once if `is_patient` is false or there are
    none. In the verification nothing that a check starts outlives them either. `waits` yields the
    seconds between two tries of one check, capped and jittered. `on_result` is called as each
    result becomes final, `on_retry` every ten seconds for a check that is being retried. Raises
    Interrupted on a stop request, once child processes have ended.
    """
    repeat_seconds = deadline_seconds if is_patient else 0.0
    is_limited = phase is Phase.VERIFY and deadline_seconds > 0
    repetition = Repetition(
        subject=subject,
        world=world,
        phase=phase,
        waits=waits,
        deadline=Deadline.after(repeat_seconds, world.clock),
        limit=Deadline.after(deadline_seconds, world.clock) if is_limited else None,
        patience=Patience(repeat_seconds, world.clock),
        on_retry=on_retry,
    )
    order = TopologicalSorter(_predecessors(named))
    order.prepare()
    found: dict[int, tuple[Result, ...]] = {}
    with Crew[int, tuple[Result, ...]](MAX_AT_ONCE, stop=world.stop) as crew:
        try:
            while order.is_active():
                for index in order.get_ready():
                    crew.submit(index, partial(repetition.until_settled, named[index]))
                index, found[index] = crew.next()
                order.done(index)
                if _shows_revision(named[index], found[index]):
                    subject = replace(repetition.subject, is_revision_live=True)
                    repetition = replace(repetition, subject=subject)
                if on_result is not None:
                    for result in found[index]:
                        on_result(result)
        except Interrupted:
            programs = {index for index, each in enumerate(named) if each.plugin.starts_programs}
            crew.wait_for(programs, PROGRAM_END_SECONDS)
            raise
    return tuple(result for index in range(len(named)) for result in found[index])


def _shows_revision(named: NamedCheck, results: Sequence[Result]) -> bool:
    """Return True when the check saw the shipped release on every connection.

    Then the other checks measure that release.
    """
    return named.plugin.plugin_name() == "revision" and all(each.status is Status.PASS for each in results)


def _predecessors(named: Sequence[NamedCheck]) -> dict[int, set[int]]:
    """Return for each check the ones that it runs after: an order, not a condition."""
    kinds = [each.plugin.plugin_name() for each in named]
    return {
        index: {other for other, kind in enumerate(kinds) if kind in each.plugin.after and other != index}
        for index, each in enumerate(named)
    }
