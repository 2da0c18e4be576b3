"""Conditions for numbers that limits are computed with.

Each tests for what is valid, not for what is invalid: NaN is neither too
small nor too great, and would slip through.
"""

from __future__ import annotations

from math import inf


def is_count(value: object) -> bool:
    """Return True for a positive integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_time(value: float) -> bool:
    """Return True for a positive, finite number of seconds."""
    return 0 < value < inf


def is_age(value: float) -> bool:
    """Return True for a non-negative, finite number of seconds."""
    return 0 <= value < inf


def grown(first: float, factor: float, times: int, *, longest: float) -> float:
    """Return `first` grown so many times by a factor, at most `longest`."""
    try:
        return min(first * float(factor) ** times, longest)
    except OverflowError:
        return longest if first else 0.0
