"""What a figure has to be before anything is counted by it.

Each of these asks for what is right and not for what is wrong: NaN is neither
too small nor too great, and would slip through.
"""

from __future__ import annotations

from math import inf


def is_count(value: object) -> bool:
    """True for a whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_time(value: float) -> bool:
    """True for seconds that are more than none and end some day."""
    return 0 < value < inf


def is_age(value: float) -> bool:
    """True for seconds that are not negative and end some day."""
    return 0 <= value < inf


def grown(first: float, factor: float, times: int, *, longest: float) -> float:
    """`first`, multiplied so many times, and never more than `longest`."""
    try:
        return min(first * float(factor) ** times, longest)
    except OverflowError:
        return longest if first else 0.0
