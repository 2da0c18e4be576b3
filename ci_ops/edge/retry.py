"""Backoff times between tries; the only module that knows the library for them.

The only place that knows the library behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def waits(*, base_seconds: float, cap_seconds: float) -> Iterator[float]:
    """Yield endless backoff times in seconds: exponential, capped, with full jitter.

    The n-th is evenly spread between 0 and base * 2**n, at most the cap.
    Raises ValueError unless 0 < base <= cap.
    Source: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter ("full jitter").
    """
    if not 0 < base_seconds <= cap_seconds:
        raise ValueError("expected 0 < base_seconds <= cap_seconds")
    return _jittered(base_seconds, cap_seconds)


def _jittered(base_seconds: float, cap_seconds: float) -> Iterator[float]:
    from backoff import expo, full_jitter  # noqa: PLC0415 - takes 90 ms, and many runs never wait

    growing = expo(base=2, factor=base_seconds, max_value=cap_seconds)
    next(growing)  # its first value is a place holder
    while True:
        yield full_jitter(next(growing))
