"""HTTP through requests, within a hard deadline, without hidden retries, with a bounded body.

The body is bounded.
"""

from __future__ import annotations

import http.client
import ipaddress
import logging
import re
import ssl
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import requests
import urllib3

from ci_ops.core.ports.http import MAX_BODY_BYTES, HttpError, Response
from ci_ops.core.ports.stop import Stop
from ci_ops.core.ports.world import Env
from ci_ops.core.text.redact import Redactor
from ci_ops.core.text.weburl import safe_url
from ci_ops.edge.adapter import PacedAdapter
from ci_ops.edge.address import Address
from ci_ops.edge.body import read_body
from ci_ops.edge.errand import Errand
from ci_ops.edge.failures import explained
from ci_ops.edge.proxy import proxy_for
from ci_ops.edge.sockets import Call, look_up
from ci_ops.edge.trust import trusting_context

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

_IDLE_CONNECTIONS = 256
_CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class RequestsHttp:
    """The Http port: thread-safe, with a pool of idle connections."""

    env: Env
    """Names the proxies and the trusted authorities."""
    stop: Stop
    redact: Redactor
    ca_file: str = ""
    """A file or folder of authorities; wins over the environment."""
    _adapter: PacedAdapter = field(
        default_factory=lambda: PacedAdapter(connections=_IDLE_CONNECTIONS), repr=False, compare=False
    )
    _trust: dict[str, ssl.SSLContext] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def request(  # noqa: PLR0913 - as the port says
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
        """Send one request and read the response. Raises HttpError with a sentence free of secrets.

        `connect_to` opens a new connection, too, and uses no proxy; it holds for
        redirects to the same host. A stop request cuts a request under way
        short; one that begins afterwards has its full time. User info in the
        URL becomes an Authorization header. A redirect to another origin takes
        no header along that could be a secret, and none leads from https to
        http but to loopback.
        """
        started = time.monotonic()
        try:
            errand = Errand.to(method, Address.read(url), headers=headers or {}, body=body)
            call = Call(
                timeout_seconds,
                stop=self.stop,
                subject=errand.address.origin,
                max_bytes=8 * max_body + (1 << 20),
                connect_to=_checked_ip(connect_to),
            )
            with call:
                answer = self._follow(errand, call, fresh=fresh, follow=follow, max_body=max_body)
        except HttpError as error:
            self._log(method, url, error.sentence)
            raise HttpError(
                error.kind, self.redact.own(error.sentence), transient=error.transient, lasting=error.lasting
            ) from None
        seconds = time.monotonic() - started
        self._log(method, url, f"{answer.status} in {seconds:.3f} s from {answer.address}")
        return replace(answer, seconds=seconds)

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        """Return every IP address of the URL's host, in the resolver's order.

        None where a proxy leads there. Raises HttpError.
        """
        address = Address.read(url)
        if proxy_for(address, self.env):
            return ()
        call = Call(timeout_seconds, stop=self.stop, subject=address.origin)
        return tuple(dict.fromkeys(str(place[0]) for _, place in look_up(address.host, address.port, call)))

    def close(self) -> None:
        """Close the idle connections; a later request opens new ones."""
        self._adapter.close()

    def _log(self, method: str, url: str, outcome: str) -> None:
        if log.isEnabledFor(logging.DEBUG):  # paths may be secrets, and redacting takes its time
            log.debug("%s %s: %s", method, self.redact(safe_url(url)), self.redact(outcome))

    def _follow(self, errand: Errand, call: Call, *, fresh: bool, follow: int, max_body: int) -> Response:
        passed: list[str] = []
        first_host, connect_to = errand.address.host, call.connect_to
        while True:
            address = errand.address
            call.begin(address.origin, connect_to=connect_to if address.host == first_host else "")
            answer = self._send(errand, call, fresh=fresh or bool(connect_to), max_body=max_body)
            following = errand.after(answer.status, answer.headers.get("location", "")) if follow else None
            if following is None:
                return replace(answer, redirects=tuple(passed))
            passed.append(address.url)
            if following.address.url in passed:
                raise HttpError("redirect", f"{address.origin} redirects in a circle", transient=False)
            if len(passed) > follow:
                sentence = f"{address.origin} redirects once more than the {follow} times that are allowed"
                raise HttpError("redirect", sentence, transient=False)
            errand = following

    def _send(self, errand: Errand, call: Call, *, fresh: bool, max_body: int) -> Response:
        adapter = PacedAdapter(connections=1) if fresh else self._adapter
        scheme = errand.address.scheme
        proxy = "" if call.connect_to else proxy_for(errand.address, self.env)
        if scheme == "https" or proxy.startswith("https:"):
            adapter.context = self._context()
        request = errand.prepared(fresh=fresh)
        try:
            answer = adapter.send(request, stream=True, proxies={scheme: proxy} if proxy else None)
            with answer:
                return _read(answer, errand.address.url, call, max_body)
        except requests.exceptions.ProxyError as error:
            raise _proxy_error(error, call.subject) from None
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError) as error:
            raise explained(error, call.subject) from None
        finally:
            call.finish(close=fresh)

    def _context(self) -> ssl.SSLContext:
        """Return the TLS context, created once: loading the authorities takes 20 ms."""
        with self._lock:
            if "context" not in self._trust:
                self._trust["context"] = trusting_context(self.env, self.ca_file)
            return self._trust["context"]


def _read(answer: requests.Response, url: str, call: Call, max_body: int) -> Response:
    if answer.status_code == 407 and not call.peer:
        raise HttpError("proxy", f"the proxy for {call.subject} wants other credentials", transient=False)
    headers = {name.lower(): value for name, value in answer.raw.headers.itermerged()}
    body, truncated = read_body(
        answer.raw.stream(_CHUNK_BYTES, decode_content=False),
        encoding=headers.get("content-encoding", ""),
        max_body=max_body,
        subject=call.subject,
    )
    return Response(
        status=answer.status_code,
        headers=headers,
        body=body,
        seconds=0.0,
        url=url,
        address=call.peer,
        truncated=truncated,
        set_cookies=tuple(answer.raw.headers.getlist("set-cookie")),
    )


def _proxy_error(error: Exception, subject: str) -> HttpError:
    status = re.search(r"Tunnel connection failed: (\d{3})", str(error))
    answer_text = f" and answered {status[1]}" if status else ""
    is_transient = not status or status[1].startswith("5")
    return HttpError(
        "proxy", f"the proxy did not connect us to {subject}{answer_text}", transient=is_transient
    )


def _checked_ip(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address)) if address else ""
    except ValueError:
        raise HttpError("url", "connect_to is not an IP address", transient=False) from None
