"""One TLS handshake, and what the certificate in it says."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.stop import Stop
from ci_ops.core.ports.tls import Certificate
from ci_ops.core.ports.world import Env
from ci_ops.edge.address import Address
from ci_ops.edge.der import Facts, read_certificate
from ci_ops.edge.failures import certificate_problem, explained
from ci_ops.edge.proxy import proxy_for
from ci_ops.edge.sockets import Call, open_socket
from ci_ops.edge.trust import blind_context, trusting_context
from ci_ops.edge.tunnel import is_encrypted, open_tunnel

if TYPE_CHECKING:
    import socket

    from urllib3.util.ssltransport import SSLTransport


@dataclass(frozen=True, kw_only=True, eq=False)
class RealTls:
    """The Tls port: through the proxy that the environment names, and direct to an address that is given."""

    env: Env
    """Names the proxies and the trusted authorities."""
    stop: Stop
    ca_file: str = ""
    """A file or folder of authorities; wins over the environment."""
    _trust: dict[str, ssl.SSLContext] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        """Shake hands with that address under that name.

        Raises HttpError when none comes about.

        A certificate that does not verify is looked at in a second handshake,
        over which nothing is sent. An empty `address` leaves the choice to the
        resolver, or to the proxy.
        """
        shown = f"[{host}]" if ":" in host else host
        target = Address.read(f"https://{shown}:{port}")
        subject = target.origin.removeprefix("https://")
        call = Call(timeout_seconds, stop=self.stop, subject=subject, connect_to=address)
        proxy = "" if address else proxy_for(target, self.env)

        def shake(context: ssl.SSLContext) -> _Handshake:
            with self._way(proxy, target, call) as way:
                call.doing = "shaking hands"
                return _shake(way, context, host.rstrip("."), address="" if proxy else way.getpeername()[0])

        with call:
            try:
                return _certificate(shake(self._context()))
            except ssl.SSLCertVerificationError as error:
                problem, detail = certificate_problem(error), error.verify_message
            except (OSError, ValueError) as error:
                raise explained(error, call.subject) from None
            shown_anyway = _Handshake(address=address)
            with suppress(OSError, ValueError, HttpError):  # then there is nothing to add
                shown_anyway = shake(blind_context())
        return _certificate(shown_anyway, problem=problem, detail=detail)

    def _way(self, proxy: str, target: Address, call: Call) -> socket.socket:
        if proxy:
            return open_tunnel(proxy, target, call, self._context())
        return open_socket(target.host, target.port, call)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if "context" not in self._trust:
                self._trust["context"] = trusting_context(self.env, self.ca_file)
            return self._trust["context"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Handshake:
    """What one handshake showed."""

    address: str
    protocol: str = ""
    chain: tuple[bytes, ...] = ()
    """Certificates as DER: the server's own first; up to the trusted one where they were verified."""


def _shake(way: socket.socket, context: ssl.SSLContext, name: str, *, address: str) -> _Handshake:
    tls: ssl.SSLSocket | SSLTransport
    inner: ssl.SSLSocket | ssl.SSLObject
    if is_encrypted(way):  # the standard library cannot wrap TLS in TLS
        from urllib3.util.ssltransport import SSLTransport  # noqa: PLC0415 - few proxies are asked over TLS

        tls = SSLTransport(way, context, server_hostname=name)
        inner = tls.sslobj
    else:
        tls = inner = context.wrap_socket(way, server_hostname=name)
    with tls:
        own = tls.getpeercert(binary_form=True) or b""
        chain = _verified_chain(inner) if context.verify_mode is ssl.CERT_REQUIRED else ()
        return _Handshake(address=address, protocol=tls.version() or "", chain=chain or (own,))


def _verified_chain(tls: Any) -> tuple[bytes, ...]:
    """The certificates from the server's own to the trusted one.

    Public since Python 3.13; the same is there under another name since 3.10.
    Source: github.com/python/cpython/issues/109109.
    """
    public = getattr(tls, "get_verified_chain", None)
    if public is not None:
        return tuple(public())
    chain = tls._sslobj.get_verified_chain()  # noqa: SLF001 - the only door before 3.13
    return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain)


def _certificate(shown: _Handshake, *, problem: str = "", detail: str = "") -> Certificate:
    bare = Certificate(
        address=shown.address, protocol=shown.protocol, verified=not problem, problem=problem, detail=detail
    )
    facts, *issuers = map(_facts, shown.chain or (b"",))
    if facts is None:  # the handshake is what counts; facts are for people
        return bare
    known = [each for each in issuers if each is not None]
    first = min(known, key=lambda each: each.not_after, default=None)
    return replace(
        bare,
        not_before=facts.not_before,
        not_after=facts.not_after,
        subject_names=facts.names,
        issuer=facts.issuer,
        serial=facts.serial,
        chain_not_after=first.not_after if first else None,
        chain_ends_with=first.subject if first else "",
    )


def _facts(der: bytes) -> Facts | None:
    try:
        return read_certificate(der)
    except ValueError:
        return None
