"""Network failures as one error with one safe sentence.

The sentence is harmless.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from typing import TYPE_CHECKING

from ci_ops.core.ports.http import HttpError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTNAME_CODES = frozenset({62, 63, 64})
"""Of OpenSSL: host name, e-mail address and IP address mismatch."""

_PROBLEMS = {
    9: "not-yet-valid",
    10: "expired",
    **dict.fromkeys((2, 18, 19, 20, 21, 22, 24, 26), "chain"),
    **dict.fromkeys(HOSTNAME_CODES, "hostname"),
    **dict.fromkeys((66, 67, 68), "weak"),
}
"""Source: OpenSSL, include/openssl/x509_vfy.h.in (X509_V_ERR_…)."""

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN}
"""What IPv6 addresses give on machines without IPv6, such as GitHub's own runners."""

_HTTP2_FRAME = re.compile(r"\x00..[\x04\x07].\x00\x00\x00\x00", re.DOTALL)
"""How a server that speaks HTTP/2 alone begins: SETTINGS or GOAWAY on stream 0.

Source: RFC 9113 sections 3.4 and 4.1.
"""
_NO_HTTP1 = "supports HTTP/2 alone, and ci-ops uses HTTP/1.1"

_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""The name servers answered that there is no such name, or none with an address; EAI_AGAIN is no such answer."""

_CERTIFICATE_SENTENCES = {
    "hostname": "has a certificate for another host name",
    "expired": "has a certificate that has expired",
    "not-yet-valid": "has a certificate that is not valid yet",
    "chain": "has a certificate without a complete chain to a trusted root",
    "weak": "has a certificate whose key or signature is too weak",
}


def certificate_problem(error: ssl.SSLCertVerificationError) -> str:
    """Return the problem of a certificate: hostname, expired, not-yet-valid, chain, weak or other."""
    return _PROBLEMS.get(error.verify_code, "other")


def explained(error: BaseException, subject: str) -> HttpError:
    """Return the HttpError for a library's error; `subject` is an origin, never a whole URL."""
    for cause in _causes(error):
        found = _explain(cause, subject)
        if found is not None:
            return found
    return HttpError("protocol", f"{subject} answered something that is not HTTP", transient=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, outermost first.

    Libraries hide the real cause in `args`, `reason`, `__cause__` and `__context__`.
    """
    waiting, visited = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in visited:
            continue
        visited.add(id(each))
        yield each
        inner = [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
        waiting += [part for part in inner if isinstance(part, BaseException)]


def _explain(cause: BaseException, subject: str) -> HttpError | None:
    if isinstance(cause, HttpError):
        return cause
    if isinstance(cause, ssl.SSLError):
        return _tls(cause, subject)
    if isinstance(cause, http.client.BadStatusLine) and _HTTP2_FRAME.match(str(cause)):
        return HttpError("http2", f"{subject} {_NO_HTTP1}", transient=False)
    if isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_NAME:
        return HttpError("dns", f"{subject} has a name that does not exist", transient=True, lasting=True)
    for kinds, kind, sentence in _KINDS:
        if isinstance(cause, kinds):
            return HttpError(kind, f"{subject} {sentence}", transient=kind not in {"protocol", "url"})
    if isinstance(cause, OSError) and cause.errno:
        kind = "route" if cause.errno in _NO_ROUTE else "refused"
        return HttpError(kind, f"{subject} cannot be reached: {cause.strerror}", transient=True)
    return None


_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (socket.gaierror, "dns", "has a name that cannot be resolved"),
    (UnicodeError, "url", "has a name that is no host name"),
    (ConnectionRefusedError, "refused", "refused the connection"),
    (http.client.RemoteDisconnected, "reset", "closed the connection without an answer"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "reset", "broke the connection off"),
    (http.client.IncompleteRead, "body", "ended the connection in the middle of its answer"),
    (TimeoutError, "timeout", "did not answer in time"),
    (http.client.HTTPException, "protocol", "answered something that is not HTTP"),
)


def _tls(error: ssl.SSLError, subject: str) -> HttpError:
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = _CERTIFICATE_SENTENCES.get(
            certificate_problem(error), "has a certificate that cannot be trusted"
        )
        return HttpError("tls", f"{subject} {problem} ({error.verify_message})", transient=False)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError):
        return HttpError("tls", f"{subject} ended the connection during the TLS handshake", transient=True)
    if "no application protocol" in str(error).replace("_", " ").lower():
        # It refused http/1.1, all that we offer. Source: RFC 7301 section 3.2.
        return HttpError("http2", f"{subject} {_NO_HTTP1}", transient=False)
    reason = (getattr(error, "reason", None) or "unknown reason").replace("_", " ").lower()
    return HttpError("tls", f"{subject} and we could not agree on TLS: {reason}", transient=False)
