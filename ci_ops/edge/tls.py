"""TLS handshakes, and the facts of the certificates in them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.stop import Stop
from ci_ops.core.ports.tls import VERSIONS, Certificate, ChainLink
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


_VERSIONS = {version: ssl.TLSVersion[version.replace(".", "_")] for version in VERSIONS}
_OWN_REASONS = frozenset({"NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE"})
"""Reasons of this machine's OpenSSL for a handshake that it cannot begin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealTls:
    """The Tls port: through the environment's proxy, or directly to a given address."""

    env: Env
    """Names the proxies and the trusted authorities."""
    stop: Stop
    ca_file: str = ""
    """A file or folder of authorities; wins over the environment."""
    _trust: dict[str, ssl.SSLContext] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        """Shake hands with that address under that name. Raises HttpError on failure.

        A certificate that does not verify is read in a second handshake, over which nothing is
        sent. An empty `address` leaves the choice to the resolver, or to the proxy.
        """
        peer = self._peer(host, port, address, timeout_seconds)
        with peer.call:
            try:
                return _certificate(peer.shake(self._context()))
            except ssl.SSLCertVerificationError as error:
                problem, detail = certificate_problem(error), error.verify_message
            except (OSError, ValueError) as error:
                raise explained(error, peer.call.subject) from None
            unverified = _Handshake(address=address)
            with suppress(OSError, ValueError, HttpError):  # then there is nothing to add
                unverified = peer.shake(blind_context())
        return _certificate(unverified, problem=problem, detail=detail)

    def accepts(
        self, host: str, port: int, *, version: str, address: str, timeout_seconds: float
    ) -> bool | None:
        """Return whether a handshake with that version alone succeeds; None where it could not be tried."""
        peer = self._peer(host, port, address, timeout_seconds)
        try:
            with peer.call:
                return peer.shake(blind_context(_VERSIONS[version])).protocol == version
        except ssl.SSLError as error:
            return None if error.reason in _OWN_REASONS else False
        except (ConnectionResetError, BrokenPipeError):
            return False  # how some servers refuse a version
        except (OSError, ValueError, HttpError):
            return None

    def _peer(self, host: str, port: int, address: str, timeout_seconds: float) -> _Peer:
        shown = f"[{host}]" if ":" in host else host
        target = Address.read(f"https://{shown}:{port}")
        subject = target.origin.removeprefix("https://")
        call = Call(timeout_seconds, stop=self.stop, subject=subject, connect_to=address)
        proxy = "" if address else proxy_for(target, self.env)
        return _Peer(
            target=target, name=host.rstrip("."), call=call, proxy=proxy, proxy_context=self._context
        )

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if "context" not in self._trust:
                self._trust["context"] = trusting_context(self.env, self.ca_file)
            return self._trust["context"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Peer:
    """The peer of one or more handshakes, and the proxy to it."""

    target: Address
    name: str
    call: Call
    proxy: str
    proxy_context: Callable[[], ssl.SSLContext]

    def shake(self, context: ssl.SSLContext) -> _Handshake:
        with self._way() as way:
            self.call.doing = "shaking hands"
            address = "" if self.proxy else way.getpeername()[0]
            return _shake(way, context, self.name, address=address)

    def _way(self) -> socket.socket:
        if self.proxy:
            return open_tunnel(self.proxy, self.target, self.call, self.proxy_context())
        return open_socket(self.target.host, self.target.port, self.call)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Handshake:
    """The facts of one handshake."""

    address: str
    protocol: str = ""
    chain: tuple[bytes, ...] = ()
    """Certificates as DER: the server's own first; up to the trusted one where they were verified."""
    served: tuple[bytes, ...] = ()
    """Certificates as DER, as the server sent them."""


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
        chain = _chain(inner, "verified") if context.verify_mode is ssl.CERT_REQUIRED else ()
        served = _chain(inner, "unverified")
        return _Handshake(address=address, protocol=tls.version() or "", chain=chain or (own,), served=served)


def _chain(tls: Any, kind: str) -> tuple[bytes, ...]:
    """Return the verified chain up to the trust anchor, or the unverified one that the server sent.

    Public since Python 3.13; the same is there under another name since 3.10.
    Source: github.com/python/cpython/issues/109109.
    """
    name = f"get_{kind}_chain"
    public = getattr(tls, name, None)
    if public is not None:
        return tuple(public())
    chain = getattr(tls._sslobj, name)()  # noqa: SLF001 - the only door before 3.13
    return tuple(ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain or ())


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
        served=_links(shown.served),
        trusted=() if problem else _links(shown.chain),
    )


def _links(certificates: tuple[bytes, ...]) -> tuple[ChainLink, ...]:
    """Return the certificates that can be parsed."""
    return tuple(
        ChainLink(
            subject=facts.subject,
            issuer=facts.issuer,
            serial=facts.serial,
            not_after=facts.not_after,
            key_kind=facts.key_kind,
            key_bits=facts.key_bits,
            signature_hash=facts.signature_hash,
            issuer_address=facts.issuer_address,
        )
        for facts in map(_facts, certificates)
        if facts is not None
    )


def _facts(der: bytes) -> Facts | None:
    try:
        return read_certificate(der)
    except ValueError:
        return None
