"""One redirect as expected, and as observed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.compare import is_transient_status
from ci_ops.checks._http.expect import ANY_ANSWER
from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import NONCE_PARAMETER, at_path, origin_of, read_url, safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HOPS = 20
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """The expected target of one URL."""

    to: str
    """Path on the service, such as `/new`, or a full address: where visitors end."""
    status: int | tuple[int, ...] = ()
    """Accepted status of the first answer, such as `301`; empty accepts every redirect."""
    hops: int = 5
    """How many redirects there may be on the way, 1 to 20."""

    def __post_init__(self) -> None:
        if not self.to.startswith("/"):
            check_address(self.to, "to")
        if not set(self.statuses) <= REDIRECTS:
            raise ValueError("status: a redirect is 301, 302, 303, 307 or 308")
        if not 1 <= self.hops <= MAX_HOPS:
            raise ValueError(f"hops: a number from 1 to {MAX_HOPS}")

    @property
    def statuses(self) -> tuple[int, ...]:
        """The accepted statuses; empty for every redirect."""
        return (self.status,) if isinstance(self.status, int) else self.status


class Chain:
    """One URL and every redirect from there on."""

    def __init__(self, question: Question, service: SplitResult, path: str) -> None:
        self._question = question
        self._service = service
        self.start = at_path(service, path) if path.startswith("/") else path
        self.end = self.start
        self._hosts = {service.hostname, read_url(self.start).hostname}
        self._answers: list[Response] = []
        self._passed: list[str] = []
        self._error: HttpError | None = None
        self._problem: tuple[str, str] | None = None
        """A rule and the end of a sentence."""

    @property
    def is_measured(self) -> bool:
        """True when the first URL answered."""
        return bool(self._answers)

    def follow(self, hops: int) -> None:
        """Request the start, then each redirect target."""
        while self._problem is None:
            answer = self._ask(self.end)
            if isinstance(answer, HttpError):
                self._error = answer
                return
            self._answers.append(answer)
            if answer.status not in REDIRECTS:
                return
            self._step(answer, hops)
            if read_url(self.end).hostname not in self._hosts:
                return

    def _step(self, answer: Response, hops: int) -> None:
        target = _target(self.end, answer.headers.get("location", ""))
        self._passed.append(_key(self.end))
        if not target:
            self._problem = "target", "redirects to an address that cannot be read"
        elif _key(target) in self._passed:
            self._problem = "loop", "redirects in a circle"
        elif self.end.startswith("https:") and target.startswith("http:"):
            self._problem = "downgrade", f"leads from https to {safe_url(target)}"
        elif len(self._passed) > hops:
            self._problem = "too-many-hops", f"redirects more than {hops} times"
        self.end = target or self.end

    def _ask(self, url: str) -> Response | HttpError:
        """Request one URL, with credentials for the service alone."""
        parts = read_url(url)
        if origin_of(parts) != origin_of(self._service):
            return replace(self._question, headers={}).ask(url, ANY_ANSWER)
        netloc = self._service.netloc  # with the user info, which a Location never has
        return self._question.ask(urlunsplit(parts._replace(netloc=netloc)), ANY_ANSWER)

    def faults(self, expected: Redirect) -> Iterator[Fault]:
        """Yield the faults of the target and of the first status."""
        world, name = self._question.world, safe_url(self.start)
        if self._error is not None:
            yield unanswered(world, self._error, subject=safe_url(self.end))
            return
        first, last = self._answers[0], self._answers[-1]
        path = " → ".join(f"{safe_url(each.url)} ({each.status})" for each in self._answers)
        is_there = _is_at(self.end, self._wanted(expected))
        gate = "" if is_there else next(filter(None, map(gate_of, self._answers)), "")
        if gate:
            yield self._fault(
                "gate", Status.ERROR, f"{name} is answered by {gate}, not by the service.", path
            )
        elif first.status not in REDIRECTS:
            sentence = f"{name} answers {first.status}, no redirect."
            yield self._fault(
                "no-redirect", Status.FAIL, sentence, path, expected=f"a redirect to {expected.to}"
            )
        elif problem := self._problem or self._wrong_end(expected, last):
            rule, words = problem
            yield self._fault(
                rule, Status.FAIL, f"{name} {words}.", path, expected=f"to end at {expected.to}"
            )
        if first.status in REDIRECTS and expected.statuses and first.status not in expected.statuses:
            wanted = ", ".join(map(str, expected.statuses))
            sentence = f"{name} redirects with {first.status}."
            yield self._fault("redirect-status", Status.FAIL, sentence, path, expected=wanted)

    def _wanted(self, expected: Redirect) -> str:
        return at_path(self._service, expected.to) if expected.to.startswith("/") else expected.to

    def _wrong_end(self, expected: Redirect, last: Response) -> tuple[str, str] | None:
        if not _is_at(self.end, self._wanted(expected)):
            return "target", f"leads to {safe_url(self.end)}"
        if last.status >= 400:
            return "dead-end", f"ends at {safe_url(self.end)}, which answers {last.status}"
        return None

    def _fault(
        self,
        rule: str,
        severity: Status,
        sentence: str,
        path: str,
        *,
        expected: str = "an answer of the service",
    ) -> Fault:
        world = self._question.world
        return Fault(
            rule=rule,
            severity=severity,
            sentence=evidence(world, sentence),
            expected=expected,
            observed=evidence(world, path),
            subject=safe_url(self.start),
            transient=rule != "dead-end" or is_transient_status(self._answers[-1].status),
        )


def check_address(url: str, field: str) -> None:
    """Raise ValueError with the field's name for an invalid URL."""
    try:
        read_url(url)
    except ValueError as error:
        raise ValueError(f"{field}: {error}; a path starts with a slash") from None


def _target(current: str, location: str) -> str:
    """Return the URL of a Location without the request's nonce; empty when it is invalid."""
    try:
        parts = read_url(urljoin(current, location)) if location else None
    except ValueError:
        return ""
    if parts is None:
        return ""
    fields = [each for each in parts.query.split("&") if each.partition("=")[0] != NONCE_PARAMETER]
    query = "&".join(fields)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def _key(url: str) -> str:
    """Return the normalized URL for comparisons."""
    parts = urlsplit(url)
    scheme, host, port = origin_of(parts)
    return f"{scheme}://{host}:{port}{parts.path or '/'}?{parts.query}"


def _is_at(url: str, wanted: str) -> bool:
    """Return True where the URL is the expected one, whose query counts only if it has one."""
    has_query = bool(urlsplit(wanted).query)
    return _key(url).partition("?")[0] == _key(wanted).partition("?")[0] and (
        not has_query or _key(url) == _key(wanted)
    )
