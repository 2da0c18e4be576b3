"""Header fields and problem documents about limits.

Source: draft-ietf-httpapi-ratelimit-headers-11 (RateLimit, RateLimit-Policy and
the three problem types), RFC 9110 section 10.2.3 (Retry-After), RFC 9457.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ci_ops.service.limits.limiter import deciding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.service.limits.gcra import Decision, Quota

Headers = list[tuple[str, str]]
ProblemKind = Literal["quota-exceeded", "temporary-reduced-capacity", "abnormal-usage-detected"]

_PROBLEMS: dict[ProblemKind, tuple[int, str]] = {
    "quota-exceeded": (429, "Request cannot be satisfied as assigned quota has been exceeded"),
    "temporary-reduced-capacity": (
        503,
        "Request cannot be satisfied due to temporary server capacity constraints",
    ),
    "abnormal-usage-detected": (429, "Request not satisfied due to detection of abnormal request pattern"),
}
_TYPE_URI = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A whole answer to a refused request."""

    status: int
    headers: Headers
    body: bytes


def policy_field(quotas: Sequence[Quota]) -> str:
    """Return the value of RateLimit-Policy; a burst that is not the quota itself is `ci-ops-burst`."""
    return b", ".join([quota.policy for quota in quotas]).decode()


def limit_field(decisions: Sequence[Decision]) -> str:
    """Return the value of RateLimit: what is left, and the time it should last.

    The time is that in which so much is given back, so a client that spreads
    what is left over it is never refused, and the ratio of the two never
    promises more than the policy does (section 8.5). With nothing left it is
    the time until a unit is free again. No jitter is needed: every key has its
    own moment, and not a common end of the window.
    """
    return ", ".join([_limit_item(decision) for decision in decisions])


def _limit_item(decision: Decision) -> str:
    allowed, quota, full_at_ns, now_ns, cost, note = decision
    interval_ns = quota.interval_ns
    free_ns = quota.capacity_ns - full_at_ns + now_ns
    remaining = max(0, free_ns // interval_ns)
    lasts_ns = remaining * interval_ns or interval_ns - free_ns
    if not allowed or note == "shadow":
        # Retry-After must not point before the end of this time (section 6).
        lasts_ns = min(lasts_ns, max(0, cost * interval_ns - free_ns))
    return f'"{quota.name}";r={remaining};t={max(1, -(-lasts_ns // 1_000_000_000))}'


def retry_after_field(seconds: float) -> str:
    """Return the value of Retry-After: whole seconds, never 0, never too early."""
    return str(max(1, math.ceil(seconds)))


def limit_headers(decisions: Sequence[Decision], *, legacy: bool = False) -> Headers:
    """Return the header fields for any answer; `legacy` adds the three X-RateLimit fields.

    Without an answer of the store there is only the policy: what is left is not
    known. In the legacy form Reset is a number of seconds.
    """
    headers = [("RateLimit-Policy", policy_field([decision.quota for decision in decisions]))]
    known = [decision for decision in decisions if decision.note != "store-down"]
    if known:
        headers.append(("RateLimit", limit_field(known)))
        if legacy:
            told = deciding(known)
            headers += [
                ("X-RateLimit-Limit", str(told.quota.limit)),
                ("X-RateLimit-Remaining", str(told.remaining)),
                ("X-RateLimit-Reset", str(math.ceil(told.full_in_seconds))),
            ]
    return headers


def limit_headers_asgi(decision: Decision) -> list[tuple[bytes, bytes]]:
    """Return the header fields for one decision as ASGI sends them, for the hot path."""
    policy = (b"ratelimit-policy", decision.quota.policy)
    if decision.note == "store-down":
        return [policy]
    return [policy, (b"ratelimit", _limit_item(decision).encode())]


def problem(kind: ProblemKind, policies: Sequence[str], *, retry_after_seconds: float = math.inf) -> Refusal:
    """Return the answer to a refused request, as a problem document.

    An infinite time leaves Retry-After out: the request as it is never passes.
    """
    status, title = _PROBLEMS[kind]
    document = {
        "type": _TYPE_URI + kind,
        "title": title,
        "status": status,
        "violated-policies": list(policies),
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    if retry_after_seconds < math.inf:
        headers.append(("Retry-After", retry_after_field(retry_after_seconds)))
    return Refusal(status=status, headers=headers, body=body)


def refusal(decisions: Sequence[Decision], *, legacy: bool = False) -> Refusal:
    """Return the answer to a request that these decisions refuse.

    503 instead of 429 where the store is down: it is not the client's fault.
    """
    over = [decision for decision in decisions if not decision.allowed]
    is_ours = all(decision.note == "store-down" for decision in over)
    answer = problem(
        "temporary-reduced-capacity" if is_ours else "quota-exceeded",
        [decision.quota.name for decision in over],
        retry_after_seconds=deciding(over).retry_after_seconds,
    )
    answer.headers.extend(limit_headers(decisions, legacy=legacy))
    return answer
