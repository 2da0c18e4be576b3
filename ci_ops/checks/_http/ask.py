"""Asking one address, with the answer or the reason why there is none as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.listeners import Servers
from ci_ops.core.ports.world import World
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import NONCE_HEADER, fresh_url, new_nonce, read_url, secrets_in

if TYPE_CHECKING:
    from ci_ops.checks._http.expect import Expectation
    from ci_ops.core.ports.http import Response

ACCEPTED = "application/health+json, application/json;q=0.9, */*;q=0.5"
_UNASKED = frozenset({"dns", "route", "proxy", "url", "header", "deadline", "http2"})
"""Kinds of HttpError after which we know nothing of the service."""
_KEEPING_METHOD = frozenset({301, 302, 307, 308})
"""Redirects after which GET, HEAD and OPTIONS stay what they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """How addresses are asked: the same for every address of a check."""

    world: World
    timeout_seconds: float
    headers: Mapping[str, Secret] = field(default_factory=dict)
    fresh: bool = False
    """Open a new connection for every request."""
    busts_caches: bool = True
    accept: str = ACCEPTED
    """The media types that are asked for."""
    servers: Servers | None = None
    """The processes that served the address before; None where they are not known."""

    def ask(self, url: str, expected: Expectation, *, connect_to: str = "") -> Response | HttpError:
        """Return the answer, or why there was none.

        A redirect that only adds or drops the slash at the end is followed
        even where no redirect is allowed; `redirects` of the answer tells it.
        Credentials are known to the redactor from here on.
        """
        self._hide(url)
        try:
            first = self._send(url, expected, connect_to)
            following = "" if expected.redirects else _other_slash(url, first)
            if not following or expected.accepts(first.status):
                return first
            second = self._send(following, expected, connect_to)
        except HttpError as error:
            return self._with_evidence(error)
        return replace(second, redirects=(url,), seconds=first.seconds + second.seconds)

    def _send(self, url: str, expected: Expectation, connect_to: str) -> Response:
        nonce = new_nonce()
        sent = {name: value.reveal() for name, value in self.headers.items()}
        answer = self.world.http.request(
            expected.method,
            fresh_url(url, nonce) if self.busts_caches else url,
            timeout_seconds=self.timeout_seconds,
            headers={"Accept": self.accept, "Cache-Control": "no-cache", NONCE_HEADER: nonce, **sent},
            fresh=self.fresh,
            connect_to=connect_to,
            follow=expected.redirects,
        )
        return _without_own_nonce(answer, nonce)

    def _with_evidence(self, error: HttpError) -> HttpError:
        """Call a refusal lasting where the server's processes are seen to have ended, and none was started."""
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
    """Drop the echo of our nonce, so that only another request's stays: the sign of a cache."""
    name = NONCE_HEADER.lower()
    if answer.headers.get(name) != nonce:
        return answer
    return replace(answer, headers={key: value for key, value in answer.headers.items() if key != name})


def _other_slash(url: str, answer: Response) -> str:
    """Return the same address with or without the slash at its end, where the answer redirects there."""
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
    """The fault for an address that cannot be asked at all."""
    return Fault(
        rule="url",
        severity=Status.ERROR,
        sentence=f"The service cannot be asked: {problem}.",
        expected="an address such as https://shop.example.com",
    )


def unanswered(world: World, error: HttpError, *, subject: str, where: str = "") -> Fault:
    """The fault for a request that got no usable answer.

    `fail` when the service did not answer, `error` when we could not ask it.
    """
    could_ask = error.kind not in _UNASKED
    name = f"{subject}{where}"
    return Fault(
        rule="unreachable" if could_ask else "not-asked",
        severity=Status.FAIL if could_ask else Status.ERROR,
        sentence=f"{name} did not answer." if could_ask else f"{name} could not be asked.",
        expected="an HTTP answer",
        observed=evidence(world, error.sentence),
        subject=subject,
        transient=error.transient,
        lasting=error.lasting,
    )
