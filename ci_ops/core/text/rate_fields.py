"""Header fields in which a service tells its rate limits.

Source: draft-ietf-httpapi-ratelimit-headers-11 (RateLimit-Policy and RateLimit),
its drafts 00 to 08 (`limit=100, remaining=9, reset=30`; three fields with the
prefix `RateLimit-`), docs.github.com/rest/rate-limit (`X-RateLimit-Reset` as Unix time).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LIMITS = 10
_MAX_CHARACTERS = 2000
_ITEM = re.compile(
    r'\s*"(?P<name>[^"\\]{0,100})"(?P<parameters>(?:\s*;\s*[a-z]{1,8}=(?:"[^"]{0,99}"|[^,;"]{0,99}))*)\s*(?:,|$)'
)
_PARAMETER = re.compile(r";\s*([a-z]{1,8})=\s*(\d{1,15})\s*(?=;|$)")
_PAIR = re.compile(r"\b(limit|remaining|reset)=(\d{1,15})\b")
_UNNAMED_POLICY = re.compile(r"(\d{1,15})\s*;\s*w=(\d{1,15})")
_LEGACY_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
RATE_FIELDS = frozenset(
    {"ratelimit", "ratelimit-policy"}
    | {f"{prefix}{name}" for prefix in _LEGACY_PREFIXES for name in ("limit", "remaining", "reset")}
)
"""Names of all these fields."""
_MIN_UNIX_TIME = 1_000_000_000
"""A reset beyond this is a moment, below it a number of seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimit:
    """One limit as a service tells it; None for what it leaves out."""

    name: str = ""
    quota: int | None = None
    window_seconds: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
    """Time for which `remaining` holds; with nothing left, the time until a request is allowed again."""


def read_rate_limits(headers: Mapping[str, str], *, unix_time: float) -> tuple[RateLimit, ...]:
    """Return the limits in response headers with lower-case names; fields that cannot be read are ignored."""
    policies = _items(headers.get("ratelimit-policy", ""))
    states = _items(headers.get("ratelimit", ""))
    named = tuple(
        RateLimit(
            name=name,
            quota=policies.get(name, {}).get("q"),
            window_seconds=policies.get(name, {}).get("w"),
            remaining=states.get(name, {}).get("r"),
            reset_seconds=states.get(name, {}).get("t"),
        )
        for name in dict.fromkeys((*policies, *states))
        if {"q", "w"} & policies.get(name, {}).keys() or "r" in states.get(name, {})
    )
    return named[:MAX_LIMITS] or _unnamed(headers, unix_time)


def _items(field: str) -> dict[str, dict[str, int]]:
    """Return name to parameters of a list of structured strings; of anything else what stands before it."""
    found: dict[str, dict[str, int]] = {}
    text, position = field[:_MAX_CHARACTERS], 0
    while position < len(text) and (match := _ITEM.match(text, position)):
        found[match["name"]] = {name: int(value) for name, value in _PARAMETER.findall(match["parameters"])}
        position = match.end()
    return found


def _unnamed(headers: Mapping[str, str], unix_time: float) -> tuple[RateLimit, ...]:
    """Return the one limit of the older forms."""
    found = {
        name: int(value) for name, value in _PAIR.findall(headers.get("ratelimit", "")[:_MAX_CHARACTERS])
    }
    for prefix in _LEGACY_PREFIXES:
        for name in ("limit", "remaining", "reset"):
            number = re.match(r"\s*(\d{1,15})\b", headers.get(prefix + name, ""))
            if number:
                found.setdefault(name, int(number[1]))
    if not {"limit", "remaining"} & found.keys():
        return ()
    policy = _UNNAMED_POLICY.search(
        headers.get("ratelimit-policy", "")[:_MAX_CHARACTERS]
    ) or _UNNAMED_POLICY.search(headers.get("ratelimit-limit", "")[:_MAX_CHARACTERS])
    reset: float | None = found.get("reset")
    if reset is not None and reset >= _MIN_UNIX_TIME:
        reset = float(max(0, math.ceil(reset - unix_time)))
    return (
        RateLimit(
            quota=found.get("limit", int(policy[1]) if policy else None),
            window_seconds=int(policy[2]) if policy else None,
            remaining=found.get("remaining"),
            reset_seconds=reset,
        ),
    )
