"""Deadlines, and the loop that retries until an answer is final or time is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Ticking(Protocol):
    """The part of a clock that a deadline needs."""

    def monotonic(self) -> float:
        """Return the seconds of the monotonic clock."""
        ...


class Waiting(Ticking, Protocol):
    """The part of a clock that the retry loop needs."""

    def sleep(self, seconds: float, /) -> None:
        """Sleep. Raises Interrupted early when a stop is requested."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock after which nothing is started."""

    clock: Ticking
    at_seconds: float

    @classmethod
    def after(cls, seconds: float, clock: Ticking) -> Deadline:
        """Return the deadline in `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left_seconds(self) -> float:
        """Return the remaining seconds; 0 after the deadline."""
        return max(0.0, self.at_seconds - self.clock.monotonic())

    @property
    def has_passed(self) -> bool:
        """True when no time is left."""
        return self.left_seconds <= 0

    def within(self, seconds: float) -> float:
        """Return the smaller of a given limit and the remaining time."""
        return min(seconds, self.left_seconds)

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline at most `seconds` from now that never outlives this one."""
        return Deadline(self.clock, self.clock.monotonic() + self.within(seconds))


class Answer(Protocol):
    """The part of an answer that the retry loop needs."""

    @property
    def is_settled(self) -> bool:
        """True when a retry could not change anything."""
        ...

    @property
    def wait_seconds(self) -> float | None:
        """The wait that the other side requested (Retry-After); None if it requested none."""
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
    """Retry until settled, out of tries or out of time; return the last answer and the number of tries.

    `waits` yields the seconds between tries (capped and jittered). The first try always happens. It
    never sleeps past the deadline: if the next wait would, one last try is made just before it, and
    its answer is final.
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
