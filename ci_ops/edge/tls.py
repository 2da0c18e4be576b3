"""One TLS handshake, and what the certificate in it says."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ci_ops.core.ports import Certificate, Env, HttpError, Stop
from ci_ops.edge.address import Address
from ci_ops.edge.der import read_certificate
from ci_ops.edge.failures import certificate_problem, explained
from ci_ops.edge.sockets import Call, open_socket
from ci_ops.edge.trust import blind_context, trusting_context


@dataclass(frozen=True, kw_only=True, eq=False)
class RealTls:
    """The Tls port, on the standard library alone.

    Always direct, never through a proxy.
    """

    env: Env
    """Names the trusted authorities."""
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
        resolver.
        """
        shown = f"[{host}]" if ":" in host else host
        target = Address.read(f"https://{shown}:{port}")
        subject = target.origin.removeprefix("https://")
        call = Call(timeout_seconds, stop=self.stop, subject=subject, connect_to=address)
        with call:
            try:
                return _certificate(_shake(host, port, self._context(), call))
            except ssl.SSLCertVerificationError as error:
                problem, detail = certificate_problem(error), error.verify_message
            except (OSError, ValueError) as error:
                raise explained(error, call.subject) from None
            seen = _Seen(address=address)
            with suppress(OSError, ValueError, HttpError):  # then there is nothing to add
                seen = _shake(host, port, blind_context(), call)
        return _certificate(seen, problem=problem, detail=detail)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if "context" not in self._trust:
                self._trust["context"] = trusting_context(self.env, self.ca_file)
            return self._trust["context"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """What one handshake showed."""

    address: str
    protocol: str = ""
    der: bytes = b""


def _shake(host: str, port: int, context: ssl.SSLContext, call: Call) -> _Seen:
    with open_socket(host, port, call) as plain:
        call.doing = "shaking hands"
        with context.wrap_socket(plain, server_hostname=host.rstrip(".")) as tls:
            return _Seen(
                address=tls.getpeername()[0],
                protocol=tls.version() or "",
                der=tls.getpeercert(binary_form=True) or b"",
            )


def _certificate(seen: _Seen, *, problem: str = "", detail: str = "") -> Certificate:
    bare = Certificate(
        address=seen.address, protocol=seen.protocol, verified=not problem, problem=problem, detail=detail
    )
    try:
        facts = read_certificate(seen.der)
    except ValueError:  # the handshake is what counts; facts are for people
        return bare
    return replace(
        bare,
        not_before=facts.not_before,
        not_after=facts.not_after,
        subject_names=facts.names,
        issuer=facts.issuer,
        serial=facts.serial,
    )
