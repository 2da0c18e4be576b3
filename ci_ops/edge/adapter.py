"""A transport adapter for requests whose sockets honour a deadline."""

from __future__ import annotations

import http.client
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.sockets import Call, PacedSocket, open_socket

if TYPE_CHECKING:
    import ssl

    from urllib3.response import BaseHTTPResponse

_HOSTS = 256
"""How many hosts keep their idle connections."""
MAX_INTERIM_ANSWERS = 100
"""More than any server sends before its answer; without a limit the final one may never come."""

_SWITCHING_PROTOCOLS = 101


class _FinalResponse(http.client.HTTPResponse):
    """A response that skips every interim (1xx) response, not only 100.

    The standard library skips 100 alone.
    Source: RFC 9110 section 15.2 (a client must be able to parse several 1xx), RFC 8297 (103).
    """

    def begin(self, *args: Any, **kwargs: Any) -> None:
        """Read up to the headers of the final response."""
        for _ in range(MAX_INTERIM_ANSWERS):
            super().begin(*args, **kwargs)
            if not 100 <= self.status <= 199 or self.status == _SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # `begin` starts anew where there are none
        subject = Call.current().subject
        raise HttpError("protocol", f"{subject} sends interim answers without end", transient=False)


class _Paced(HTTPConnection):
    """A connection to the address of the current call, which learns its peer."""

    response_class = _FinalResponse

    def _new_conn(self) -> PacedSocket:
        call = Call.current()
        call.opens(self.close)
        try:
            return open_socket(self._dns_host.strip("[]"), self.port, call)
        except HttpError as error:
            if self.proxy is None:
                raise
            sentence = f"the proxy for {call.subject} cannot be reached ({error.kind})"
            raise HttpError("proxy", sentence, transient=True) from None

    def getresponse(self) -> Any:
        call = Call.current()
        call.doing = "waiting for the answer"
        if self.proxy is None and self.sock is not None:
            with suppress(OSError):  # it may have broken off meanwhile; reading will say so
                call.peer = self.sock.getpeername()[0]
        answer: BaseHTTPResponse = super().getresponse()
        call.doing = "reading the answer"
        return answer


class _PacedTls(_Paced, HTTPSConnection):
    """A TLS connection to the address of the current call."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Paced


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _PacedTls


_POOLS = {"http": _Pool, "https": _TlsPool}


class PacedAdapter(HTTPAdapter):
    """Connection pools that never retry, read no environment variable and are thread-safe."""

    def __init__(self, *, connections: int) -> None:
        self.context: ssl.SSLContext | None = None
        """Whom to trust; needed before the first https request."""
        super().__init__(pool_connections=_HOSTS, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool manager with paced connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Create the proxy manager with paced connections."""
        manager = super().proxy_manager_for(proxy, proxy_ssl_context=self.context, **proxy_kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Use one shared TLS context, so that no connection reads CA files again."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self.context} if host["scheme"] == "https" else {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the TLS context alone decides, and nothing may override it.

        Source: github.com/psf/requests/issues/3829 (REQUESTS_CA_BUNDLE wins over `verify`).
        """
