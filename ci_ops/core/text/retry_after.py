"""The wait before a retry that the other side requests."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_LONGEST_SECONDS = 1e9


def parse_retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header; None when it is invalid.

    Both forms count: seconds and an HTTP date. A date that has passed is 0.
    Source: RFC 9110 section 10.2.3.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_SECONDS)
    # The parser is only loaded by those who are sent a date.
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:  # "-0000" says UTC without saying where the clock stands
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def requested_wait_seconds(error: BaseException) -> float | None:
    """Return the wait that an error requests; None if it requests none.

    Looked for in this order: `retry_after_seconds` or `retry_after` of the
    error itself, the Retry-After header of its `response`, then of itself.
    So errors of requests, httpx and urllib are understood without importing them.
    """
    for name in ("retry_after_seconds", "retry_after"):
        number = getattr(error, name, None)
        if isinstance(number, int | float) and math.isfinite(number):
            return max(0.0, float(number))
    for holder in (getattr(error, "response", None), error):
        headers = getattr(holder, "headers", None)
        get = getattr(headers, "get", None)
        value = get("Retry-After") if callable(get) else None
        if isinstance(value, str):
            return parse_retry_after(value)
    return None
