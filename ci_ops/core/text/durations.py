"""Durations as users write them: 500ms, 30s, 2m, 1h30m or seconds."""

from __future__ import annotations

import math
import re

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
MAX_SECONDS = 366 * 86400.0
DURATION_PATTERN = r"^\s*(?:(?:\d+(?:\.\d+)?(?:[mM][sS]|[sSmMhHdD]))+|\d+(?:\.\d+)?)\s*$"
"""The texts that `parse_duration` reads, for schemas."""


def parse_duration(value: object) -> float:
    """Return the seconds of a number or a text such as `2m` or `1h30m`.

    Raises ValueError with a sentence for anything else, and for negative,
    infinite or absurd (over one year) values.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a duration such as 500ms, 30s, 2m or a number of seconds")
    seconds = _parse_text(value.strip().lower()) if isinstance(value, str) else float(value)
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("expected a duration between 0 and one year")
    return seconds


def _parse_text(text: str) -> float:
    if _WHOLE.fullmatch(text):
        return math.fsum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text))
    if _NUMBER.fullmatch(text):
        return float(text)
    raise ValueError("expected a duration such as 500ms, 30s, 2m or a number of seconds")


def format_duration(seconds: float) -> str:
    """Return a short text: `340 ms`, `2.4 s`, `3 m 05 s`, `1 h 02 m`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
