"""Requests to one URL whose failures are values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._http.refusal import (
    BLOCKED,
    FORBIDDEN,
    THROTTLED,
    TOO_MANY_REQUESTS,
    RefusedError,
    is_limit,
    refused,
    refused_fault,
)
from ci_ops.checks._http.sign import probe_headers
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.deadline import Deadline
from ci_ops.core.health.status import Status
from ci_ops.core.pace import Pace
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.listeners import Servers
from ci_ops.core.ports.world import World
from ci_ops.core.text.rate_fields import read_rate_limits
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import NONCE_HEADER, fresh_url, new_nonce, origin_of, read_url, secrets_in

if TYPE_CHECKING:
    from ci_ops.checks._http.expect import Expectation
    from ci_ops.core.ports.http import Response

ACCEPTED = "application/health+json, application/json;q=0.9, */*;q=0.5"
_UNASKED = frozenset({"dns", "route", "proxy", "url", "header", "deadline", "http2"})
"""Kinds of HttpError after which we know nothing of the service."""
_KEEPING_METHOD = frozenset({301, 302, 307, 308})
"""Redirects after which GET, HEAD and OPTIONS stay what they are."""
MIN_WAIT_SECONDS = 1.0
"""Before a request is sent again; a `Retry-After: 0` is no invitation to a loop."""
STOP_SECONDS = 0.1
"""How often a request that waits for its turn looks whether it should stop."""
CONTROLS = 5
"""Requests that have to be refused too, before a path that answered well earlier counts as blocked: with half of
the instances broken instead, one of them would answer in 31 of 32 cases."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The request settings of a check, equal for all its URLs."""

    world: World
    timeout_seconds: float
    headers: Mapping[str, Secret] = field(default_factory=dict)
    fresh: bool = False
    """Open a new connection for every request."""
    method: str = ""
    """Instead of the one that is expected, such as POST with a body."""
    body: bytes | None = None
    busts_caches: bool = True
    accept: str = ACCEPTED
    """The media types that are asked for."""
    servers: Servers | None = None
    """The processes that served the address before; None where they are not known."""
    pace: Pace = field(default_factory=Pace)
    deadline: Deadline | None = None
    """Until when a request may be waited with; None for at most `timeout_seconds`."""
    service: str = ""
    """Address of the service: requests to another origin are not signed."""
    was_blocked: bool = False
    """True when the same client was answered 403 before the service was changed."""

    def ask(self, url: str, expected: Expectation, *, connect_to: str = "") -> Response | HttpError:
        """Return the response, or why there was none.

        The request waits for its turn, and is retried when the service requests a wait and there is
        time. A response that refuses the probe is a RefusedError, unless its status is expected.

        A redirect that only adds or drops the trailing slash is followed even where no redirect is
        allowed; `redirects` of the response records it. From here on the redactor knows the
        credentials.
        """
        self._hide(url)
        try:
            first = self._request(url, expected, connect_to)
            following = "" if expected.redirects else _other_slash(url, first)
            if not following or expected.accepts(first.status):
                return first
            second = self._request(following, expected, connect_to)
        except HttpError as error:
            return self._with_evidence(error)
        return replace(second, redirects=(url,), seconds=first.seconds + second.seconds)

    def _request(self, url: str, expected: Expectation, connect_to: str) -> Response:
        clock = self.world.clock
        until = self.deadline or Deadline.after(self.timeout_seconds, clock)
        while True:
            answer = self._send_in_turn(url, expected, connect_to, until)
            error = self._refusal(url, answer, expected, connect_to, until)
            if error is None:
                return answer
            if error.wait_seconds is None:
                raise error
            seconds = max(error.wait_seconds, MIN_WAIT_SECONDS)
            self.pace.pause(url, seconds, now=clock.monotonic())
            if seconds >= until.left_seconds:
                raise error

    def _send_in_turn(self, url: str, expected: Expectation, connect_to: str, until: Deadline) -> Response:
        first = self.pace.first_answer(url)
        while first is not None and not first.wait(STOP_SECONDS):
            self.world.stop.check()
        try:
            return self._send_at_pace(url, expected, connect_to, until)
        finally:
            self.pace.note_first_answer(url)

    def _send_at_pace(self, url: str, expected: Expectation, connect_to: str, until: Deadline) -> Response:
        clock = self.world.clock
        left = until.left_seconds
        seconds = self.pace.reserve(url, now=clock.monotonic(), at_most_seconds=left)
        if seconds > left:
            sentence = f"the rate that the service allows ({self.pace.limits_text(url)}) leaves no time for the request"
            raise RefusedError(THROTTLED, sentence, wait_seconds=seconds, is_signed=False)
        if seconds:
            clock.sleep(seconds)
        answer = self._send(url, expected, connect_to)
        limits = read_rate_limits(answer.headers, unix_time=clock.now().timestamp())
        self.pace.learn(url, limits, now=clock.monotonic())
        return answer

    def _refusal(
        self, url: str, answer: Response, expected: Expectation, connect_to: str, until: Deadline
    ) -> RefusedError | None:
        """Return the refusal that an answer is, when it is meant for the probe and not for any client."""
        if expected.accepts(answer.status):
            self.pace.note_good(url)
            return None
        if answer.status not in {FORBIDDEN, TOO_MANY_REQUESTS} or gate_of(answer):
            return None
        is_signed = bool(self._signature(self.method or expected.method, url))
        if answer.status == TOO_MANY_REQUESTS:
            return refused(THROTTLED, answer, self.world, is_signed=is_signed)
        if (
            self.was_blocked
            or is_limit(self.world, answer)
            or self._turned_away(url, expected, connect_to, until)
        ):
            return refused(BLOCKED, answer, self.world, is_signed=is_signed)
        return None

    def _turned_away(self, url: str, expected: Expectation, connect_to: str, until: Deadline) -> bool:
        """Return True where a path that answered well before now answers 403 on every new connection."""
        if not self.pace.was_good(url) or self.pace.is_blocked(url):
            return self.pace.is_blocked(url)
        question = replace(self, fresh=True)
        try:
            for _ in range(CONTROLS):
                answer = question._send_in_turn(url, expected, connect_to, until)  # noqa: SLF001 - of this class
                if answer.status != FORBIDDEN:
                    return False
        except HttpError:
            return False
        self.pace.note_blocked(url)
        return True

    def _send(self, url: str, expected: Expectation, connect_to: str) -> Response:
        nonce = new_nonce()
        sent = {name: value.reveal() for name, value in self.headers.items()}
        method = self.method or expected.method
        sent |= self._signature(method, url)
        answer = self.world.http.request(
            method,
            fresh_url(url, nonce) if self.busts_caches else url,
            timeout_seconds=self.timeout_seconds,
            body=self.body,
            headers={"Accept": self.accept, "Cache-Control": "no-cache", NONCE_HEADER: nonce, **sent},
            fresh=self.fresh,
            connect_to=connect_to,
            follow=expected.redirects,
        )
        return _without_own_nonce(answer, nonce)

    def _signature(self, method: str, url: str) -> dict[str, str]:
        is_own = bool(self.service) and origin_of(read_url(url)) == origin_of(read_url(self.service))
        return probe_headers(self.world, method, url) if is_own else {}

    def _with_evidence(self, error: HttpError) -> HttpError:
        """Mark a refused connection as permanent if the server's processes have ended without a successor."""
        if (
            error.kind != "refused"
            or self.servers is None
            or not self.world.listeners.have_ended(self.servers)
        ):
            return error
        sentence = f"{error.sentence}, and the process that served it has ended"
        return HttpError("refused", sentence, transient=True, lasting=True)

    def _hide(self, url: str) -> None:
        values = [value.reveal() for value in self.headers.values()]
        # `Bearer abc` is echoed by some services as `abc` alone.
        values += [value.rpartition(" ")[2] for value in values]
        self.world.redact.add(*values, *secrets_in(read_url(url)))


def _without_own_nonce(answer: Response, nonce: str) -> Response:
    """Drop the echo of our nonce, which proves a fresh answer: another request's stays, the sign of a cache."""
    name = NONCE_HEADER.lower()
    if answer.headers.get(name) != nonce:
        return answer
    headers = {key: value for key, value in answer.headers.items() if key != name}
    return replace(answer, headers=headers, is_fresh=True)


def _other_slash(url: str, answer: Response) -> str:
    """Return the URL with or without the trailing slash, if the response redirects there."""
    location = answer.headers.get("location", "")
    if answer.status not in _KEEPING_METHOD or not location:
        return ""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(answer.url, location))
    except ValueError:
        return ""
    is_same_origin = (there.scheme, there.netloc) == (here.scheme, here.netloc.rpartition("@")[2])
    if not is_same_origin or there.path not in {f"{here.path}/", here.path.removesuffix("/")}:
        return ""
    return urlunsplit(here._replace(path=there.path)) if there.path != here.path else ""


def no_address(problem: str) -> Fault:
    """Return the fault for a URL that cannot be requested at all."""
    return Fault(
        rule="url",
        severity=Status.ERROR,
        sentence=f"The service cannot be requested: {problem}.",
        expected="an address such as https://shop.example.com",
    )


def unanswered(world: World, error: HttpError, *, subject: str, where: str = "") -> Fault:
    """Return the fault for a request without a usable response.

    `fail` when the service did not answer, `error` when it could not be requested or refused the
    probe.
    """
    if isinstance(error, RefusedError):
        return refused_fault(error, subject=subject, where=where)
    could_ask = error.kind not in _UNASKED
    name = f"{subject}{where}"
    return Fault(
        rule="unreachable" if could_ask else "not-asked",
        severity=Status.FAIL if could_ask else Status.ERROR,
        sentence=f"{name} did not answer." if could_ask else f"{name} could not be requested.",
        expected="an HTTP answer",
        observed=evidence(world, error.sentence),
        subject=subject,
        transient=error.transient,
        lasting=error.lasting,
    )
