"""Two ways to do the same, measured in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 15
CALLS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """What one call costs us and a peer, in nanoseconds of this process's CPU time."""

    name: str
    ours_ns: float
    peer_ns: float
    ratio: float
    """Peer divided by ours, the median over the rounds: how many times faster we are."""

    def __str__(self) -> str:
        return f"{self.name:<52} {self.ours_ns:8.0f} ns {self.peer_ns:8.0f} ns   {self.ratio:6.2f} x"


def compare(
    name: str, ours: Callable[[], object], peer: Callable[[], object], *, calls: int = CALLS
) -> Paired:
    """Measure two functions in turns."""
    rounds = [(_time(ours, calls), _time(peer, calls)) for _ in range(ROUNDS + 1)]
    return _paired(name, rounds)


def compare_async(
    name: str,
    ours: Callable[[], Awaitable[object]],
    peer: Callable[[], Awaitable[object]],
    *,
    calls: int = CALLS,
) -> Paired:
    """Measure two coroutine functions in turns, in one event loop."""

    async def main() -> list[tuple[float, float]]:
        return [(await _time_async(ours, calls), await _time_async(peer, calls)) for _ in range(ROUNDS + 1)]

    return _paired(name, asyncio.run(main()))


def _paired(name: str, rounds: list[tuple[float, float]]) -> Paired:
    warm = rounds[1:]  # the first one fills the caches
    return Paired(
        name=name,
        ours_ns=statistics.median(ours for ours, _ in warm),
        peer_ns=statistics.median(peer for _, peer in warm),
        ratio=statistics.median(peer / ours for ours, peer in warm),
    )


def _time(function: Callable[[], Any], calls: int) -> float:
    started = time.process_time_ns()
    for _ in itertools.repeat(None, calls):
        function()
    return (time.process_time_ns() - started) / calls


async def _time_async(function: Callable[[], Awaitable[Any]], calls: int) -> float:
    started = time.process_time_ns()
    for _ in itertools.repeat(None, calls):
        await function()
    return (time.process_time_ns() - started) / calls
