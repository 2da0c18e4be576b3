"""Comparison of a response with its expectation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.checks._http.assertions import holds, in_words, search, text_of
from ci_ops.checks._http.freshness import age_seconds, cache_sign
from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._http.jsonpath import MISSING, find, read_json
from ci_ops.checks._http.refusal import FORBIDDEN, TOO_MANY_REQUESTS, asked_wait
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks._http.expect import Expectation, Latency
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

_PASSING_STATUSES = frozenset({404, 408, 425, 429})
_NOT_FOUND = 404
_FINAL_STATUSES = frozenset({501, 505, 511})


def compare(
    world: World, response: Response, expected: Expectation, *, subject: str, is_deployed: bool = False
) -> Iterator[Fault]:
    """Yield every deviation of the response from its expectation.

    A gate alone if something else answered, the status alone if that is wrong. `is_deployed` means
    that the shipped release answers: then a missing route is not going to appear.
    """
    gate = gate_fault(world, response, subject)
    if gate is not None and not _is_wanted_redirect(response, expected):
        yield gate
        return
    wrong_status = _status_fault(world, response, expected, subject)
    if wrong_status is not None:
        yield replace(wrong_status, lasting=is_deployed and response.status == _NOT_FOUND)
        return
    yield from _age_faults(response, expected, subject)
    yield from _latency_faults(response, expected.latency, subject)
    yield from _header_faults(world, response, expected, subject)
    yield from _body_faults(world, response, expected, subject)
    yield from _json_faults(world, response, expected, subject)


def gate_fault(world: World, response: Response, subject: str) -> Fault | None:
    """Return the fault for a response that is not the service's own; None without a sign of that."""
    gate = gate_of(response)
    if not gate:
        return None
    return Fault(
        rule="gate",
        severity=Status.ERROR,
        sentence=f"{subject} is answered by {evidence(world, gate, 120)}, not by the service.",
        expected="an answer of the service itself",
        observed=evidence(
            world, f"{response.status}: {response.headers.get('location') or response.text}", 160
        ),
        subject=subject,
        transient=response.status in {429, 503},
        wait_seconds=asked_wait(world, response),
        is_refusal=response.status in {FORBIDDEN, TOO_MANY_REQUESTS},
    )


def _is_wanted_redirect(response: Response, expected: Expectation) -> bool:
    """Return True where the user expects a redirect of the application to another sign-in."""
    return 300 <= response.status <= 399 and expected.accepts(response.status)


def is_transient_status(status: int) -> bool:
    """Return True where the same request may soon succeed.

    404 counts: routers answer it for a service that is not registered yet.
    """
    return status in _PASSING_STATUSES or (status >= 500 and status not in _FINAL_STATUSES)


def _status_fault(world: World, response: Response, expected: Expectation, subject: str) -> Fault | None:
    status = response.status
    if expected.accepts(status):
        return None
    wanted = expected.status_text
    if 300 <= status <= 399:
        return Fault(
            rule="redirected",
            severity=Status.FAIL,
            sentence=f"{subject} answers {status}, a redirect.",
            expected=wanted,
            observed=evidence(world, f"{status} to {response.headers.get('location', 'nowhere')}"),
            subject=subject,
        )
    words = evidence(world, response.text, 160)
    return Fault(
        rule="status",
        severity=Status.FAIL,
        sentence=f"{subject} answers {status}.",
        expected=wanted,
        observed=f"{status}: {words}" if words else str(status),
        subject=subject,
        transient=is_transient_status(status),
        wait_seconds=asked_wait(world, response),
    )


def _age_faults(response: Response, expected: Expectation, subject: str) -> Iterator[Fault]:
    age, sign = age_seconds(response), cache_sign(response)
    if age > expected.max_age or (sign and not expected.max_age):
        yield Fault(
            rule="aged",
            severity=Status.FAIL,
            sentence=f"{subject} is answered from a cache.",
            expected=f"an answer no older than {format_duration(expected.max_age)}",
            observed=f"Age: {age}" if age else sign,
            subject=subject,
            transient=True,
        )


def _latency_faults(response: Response, latency: Latency, subject: str) -> Iterator[Fault]:
    for severity, limit in ((Status.FAIL, latency.fail), (Status.WARN, latency.warn)):
        if limit and response.seconds > limit:
            yield Fault(
                rule="slow",
                severity=severity,
                sentence=f"{subject} takes {format_duration(response.seconds)}.",
                expected=f"at most {format_duration(limit)}",
                observed=format_duration(response.seconds),
                subject=subject,
                transient=True,
            )
            return


def _header_faults(world: World, response: Response, expected: Expectation, subject: str) -> Iterator[Fault]:
    for name, assertion in expected.headers.items():
        value: Any = response.headers.get(name.lower(), MISSING)
        if not holds(value, assertion):
            yield _mismatch(
                world, "header", subject, what=f"the header {name}", value=value, wanted=assertion
            )


def _body_faults(world: World, response: Response, expected: Expectation, subject: str) -> Iterator[Fault]:
    if expected.matches and not search(expected.matches, response.text):
        wanted = f"text that matches {expected.matches}"
        yield _body_fault(
            world, response, f"{subject} matches", f"The body of {subject} lacks a text.", wanted
        )
    if expected.lacks and search(expected.lacks, response.text):
        wanted = f"no text that matches {expected.lacks}"
        yield _body_fault(
            world, response, f"{subject} lacks", f"The body of {subject} has a text too many.", wanted
        )


def _body_fault(world: World, response: Response, subject: str, sentence: str, wanted: str) -> Fault:
    return Fault(
        rule="body",
        severity=Status.FAIL,
        sentence=sentence,
        expected=wanted,
        observed=evidence(world, response.text),
        subject=subject,
        transient=True,
    )


def _json_faults(world: World, response: Response, expected: Expectation, subject: str) -> Iterator[Fault]:
    if not expected.json:
        return
    try:
        value = read_json(response.text)
    except ValueError as error:
        yield Fault(
            rule="json",
            severity=Status.ERROR,
            sentence=f"The body of {subject} cannot be read as JSON: {error}.",
            expected="JSON",
            observed=evidence(world, response.text),
            subject=subject,
            transient=True,
        )
        return
    for path, assertion in expected.json.items():
        found = find(value, path)
        if not holds(found, assertion):
            yield _mismatch(world, "json", subject, what=path, value=found, wanted=assertion)


def _mismatch(world: World, rule: str, subject: str, *, what: str, value: Any, wanted: Any) -> Fault:
    return Fault(
        rule=rule,
        severity=Status.FAIL,
        sentence=f"{what} of {subject} is not as expected.",
        expected=f"{what}: {in_words(wanted)}",
        observed=evidence(world, text_of(value)),
        subject=f"{subject} {what}",
        transient=True,
    )
