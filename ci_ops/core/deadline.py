"""One loop that asks again until the answer is good or time is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Ticking(Protocol):
    """The part of a clock that a deadline needs."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class Waiting(Ticking, Protocol):
    """The part of a clock that the loop needs."""

    def sleep(self, seconds: float, /) -> None:
        """Wait; returns early with an Interrupted error when asked to stop."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock after which nothing is started."""

    clock: Ticking
    at_seconds: float

    @classmethod
    def after(cls, seconds: float, clock: Ticking) -> Deadline:
        """The moment `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left_seconds(self) -> float:
        """Seconds that remain; 0 when it has passed."""
        return max(0.0, self.at_seconds - self.clock.monotonic())

    @property
    def has_passed(self) -> bool:
        """True when no time is left."""
        return self.left_seconds <= 0

    def within(self, seconds: float) -> float:
        """The smaller of a limit of one's own and the time that is left."""
        return min(seconds, self.left_seconds)

    def sooner(self, seconds: float) -> Deadline:
        """A deadline at most `seconds` from now that never outlives this one."""
        return Deadline(self.clock, self.clock.monotonic() + self.within(seconds))


class Answer(Protocol):
    """What the loop must know of an answer."""

    @property
    def is_settled(self) -> bool:
        """True when asking again could not change anything."""
        ...

    @property
    def wait_seconds(self) -> float | None:
        """How long the other side asked to wait (Retry-After); None for nothing."""
        ...


AnswerT = TypeVar("AnswerT", bound=Answer)


def ask_until(
    ask: Callable[[], AnswerT],
    *,
    deadline: Deadline,
    clock: Waiting,
    waits: Iterator[float],
    max_tries: int | None = None,
) -> tuple[AnswerT, int]:
    """Ask until settled, out of tries or out of time.

    The last answer and the number of tries.

    `waits` gives the seconds between tries (capped and jittered). The first
    try always happens. Never sleeps past the deadline: when the next wait
    would, one last try is made just before it, then the answer stands.
    """
    tries = 1
    answer = ask()
    while not answer.is_settled and (max_tries is None or tries < max_tries) and not deadline.has_passed:
        wanted = max(next(waits), answer.wait_seconds or 0.0)
        if answer.wait_seconds is not None and wanted >= deadline.left_seconds:
            break
        clock.sleep(min(wanted, deadline.left_seconds))
        tries += 1
        answer = ask()
    return answer, tries
