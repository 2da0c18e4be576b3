"""Refusals that are meant for the probe: they say nothing about the release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.probe_signature import KEY_VARIABLE
from ci_ops.core.text.rate_fields import read_rate_limits
from ci_ops.core.text.retry_after import parse_retry_after

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

THROTTLED, BLOCKED = "throttled", "blocked"
FORBIDDEN, TOO_MANY_REQUESTS = 403, 429
_SIGNED_ADVICE = (
    f"The request was signed with `{KEY_VARIABLE}` and refused all the same: compare the key with the service's and "
    "both clocks, or exempt this runner in the proxy or firewall that refused it."
)
_MAX_BODY_CHARACTERS = 4000


class RefusedError(HttpError):
    """The service refused the probe, or its rate limit left no time for the request."""

    def __init__(self, rule: str, sentence: str, *, wait_seconds: float | None, is_signed: bool) -> None:
        super().__init__(rule, sentence, transient=True)
        self.wait_seconds = wait_seconds
        """What the service asked for; None where it named no time."""
        self.advice = _SIGNED_ADVICE if is_signed else ""


def refused(rule: str, answer: Response, world: World, *, is_signed: bool) -> RefusedError:
    """Return the error for an answer that refuses the probe."""
    words = evidence(world, answer.text, 160)
    sentence = f"{answer.status}: {words}" if words else str(answer.status)
    return RefusedError(rule, sentence, wait_seconds=asked_wait(world, answer), is_signed=is_signed)


def refused_fault(error: RefusedError, *, subject: str, where: str) -> Fault:
    """Return the fault for a probe that was refused."""
    what = "limits the rate of the probe" if error.kind == THROTTLED else "refuses the probe"
    return Fault(
        rule=error.kind,
        severity=Status.ERROR,
        sentence=f"{subject}{where} {what}, so it was not measured.",
        expected="an answer that any client gets",
        observed=error.sentence,
        subject=subject,
        advice=error.advice,
        transient=True,
        lasting=error.kind == BLOCKED and error.wait_seconds is None,
        wait_seconds=error.wait_seconds,
        is_refusal=True,
    )


def asked_wait(world: World, answer: Response) -> float | None:
    """Return for how long a 403, 429 or 503 asks to wait; None where it does not.

    Retry-After, else the reset of a rate limit with nothing left.
    """
    if answer.status not in {FORBIDDEN, TOO_MANY_REQUESTS, 503}:
        return None
    now = world.clock.now()
    seconds = parse_retry_after(answer.headers.get("retry-after", ""), now=now)
    if seconds is None and answer.status != 503:
        limits = read_rate_limits(answer.headers, unix_time=now.timestamp())
        resets = [each.reset_seconds for each in limits if each.remaining == 0 and each.reset_seconds]
        seconds = max(resets, default=None)
    return seconds


def is_limit(world: World, answer: Response) -> bool:
    """Return True for a 403 that shows itself that it is a limit of the client, and no missing permission.

    Source: docs.github.com/rest (403 with a rate limit used up), draft-ietf-httpapi-ratelimit-headers-11
    (problem types `quota-exceeded` and `abnormal-usage-detected`).
    """
    return asked_wait(world, answer) is not None or _is_limit_problem(answer)


def _is_limit_problem(answer: Response) -> bool:
    if "problem+json" not in answer.headers.get("content-type", ""):
        return False
    try:
        document = json.loads(answer.text[:_MAX_BODY_CHARACTERS])
    except (ValueError, RecursionError):
        return False
    kind = str(document.get("type", "")) if isinstance(document, dict) else ""
    return kind.endswith(("#quota-exceeded", "#abnormal-usage-detected"))
