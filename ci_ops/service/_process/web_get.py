"""One HTTP GET within a deadline, whatever the server does.

The timeout of a socket begins anew with every byte, so an answer that drips
would take hours.
"""

from __future__ import annotations

import http.client
import io
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping


class WebGet:
    """A GET of one address; redirects are not followed.

    Raises ValueError for an address that is not HTTP, and when it is called
    OSError or HTTPException where there is no answer.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], timeout_seconds: float, max_body_bytes: int
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("the address begins with http:// or https://, and names a host")
        self._host, self._port = parts.hostname, parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._headers = dict(headers)
        self._timeout_seconds = timeout_seconds
        self._max_body_bytes = max_body_bytes

    def __call__(self) -> tuple[int, bytes]:
        """Return the status, and as much of the body as may be read."""
        ends = time.monotonic() + self._timeout_seconds
        connection: Any = self._connection()
        try:
            connection.connect()
            connection.sock = _Within(connection.sock, ends)
            connection.request("GET", self._target, headers=self._headers)
            response = connection.getresponse()
            return response.status, response.read(self._max_body_bytes)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        seconds = self._timeout_seconds
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)


class _Within:
    """A connected socket with a deadline, as http.client uses it."""

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock = sock
        self._ends = ends

    def sendall(self, data: bytes) -> None:
        limit(self._sock, self._ends)
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._sock, self._ends))

    def close(self) -> None:
        self._sock.close()


class _Reading(io.RawIOBase):
    def __init__(self, sock: socket.socket, ends: float) -> None:
        self._sock = sock
        self._ends = ends
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open until it is read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit(self._sock, self._ends)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def limit(sock: socket.socket, ends: float) -> None:
    """Set a socket's timeout to the rest of the deadline. Raises TimeoutError after it."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answer was not over within its time")
    sock.settimeout(left)
