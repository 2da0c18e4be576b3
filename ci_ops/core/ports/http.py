"""The HTTP port: requests with a hard deadline and a bounded body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One HTTP response.

    Header names are lower-case; repeated ones are joined by `, `.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    """From the start of the request to the end of the body."""
    url: str
    """The address that answered, after redirects."""
    redirects: tuple[str, ...] = ()
    """Every address that was passed on the way, without user info."""
    address: str = ""
    """The IP address of the peer; empty when a proxy hides it."""
    truncated: bool = False
    """True when the body was longer than `max_body` and was cut there."""
    is_fresh: bool = False
    """True once it repeats the nonce of its own request: then no cache answered. Otherwise that is unknown."""
    set_cookies: tuple[str, ...] = ()
    """Each `Set-Cookie` header by itself: joined they cannot be told apart (RFC 6265 section 3)."""

    @property
    def text(self) -> str:
        """The body as text; invalid UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")


class HttpError(Exception):
    """A request without a usable response; `kind` is one word, the sentence contains no secret."""

    def __init__(self, kind: str, sentence: str, *, transient: bool, lasting: bool = False) -> None:
        super().__init__(sentence)
        self.kind = kind
        """dns, route (this machine has no way there), refused, reset, timeout, tls, redirect, body, proxy,
        url, header, deadline (no time was left; like url and header: nothing was sent), http2 (the server
        speaks nothing else) or protocol."""
        self.sentence = sentence
        self.transient = transient
        self.lasting = lasting
        """True for a transient error that seldom goes away by itself: a name that does not exist."""


class Http(Protocol):
    """HTTP with a hard deadline, a bounded body and no hidden retries."""

    def request(  # noqa: PLR0913 - the one place that names everything a request can ask for
        self,
        method: str,
        url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fresh: bool = False,
        connect_to: str = "",
        follow: int = 0,
        max_body: int = MAX_BODY_BYTES,
    ) -> Response:
        """Send one request and read the response, all within `timeout_seconds`.

        `fresh` opens a new connection; `connect_to` is an IP address to use instead of the resolved
        one, with SNI and Host unchanged; `follow` is the maximum number of redirects to follow.
        Raises HttpError.
        """
        ...

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        """Return every IP address of the URL's host, in the resolver's order.

        None where a proxy leads there, which looks the name up. Raises HttpError.
        """
        ...
