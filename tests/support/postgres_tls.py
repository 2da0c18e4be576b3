"""PostgreSQL over TLS for tests: a proxy that ends it, for servers that are built without."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""Source: PostgreSQL, "Message Formats", SSLRequest."""


@contextmanager
def postgres_over_tls(path: str, context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve the PostgreSQL of a Unix socket at a port of this machine, over TLS or, without a context, in plain."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, path, context), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, path: str, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, path, context), daemon=True).start()


def _serve(client: socket.socket, path: str, context: ssl.SSLContext | None) -> None:
    with suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        first = client.recv(8, socket.MSG_WAITALL)
        inner = client
        if first == _SSL_REQUEST:
            client.sendall(b"S" if context else b"N")
            if context:
                inner = context.wrap_socket(client, server_side=True)
            first = b""
        server.sendall(first)
        with inner:
            back = threading.Thread(target=_pump, args=(server, inner), daemon=True)
            back.start()
            _pump(inner, server)
            back.join(10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
