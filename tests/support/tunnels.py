"""A proxy for the method CONNECT, as a handler of `tests.support.web`."""

from __future__ import annotations

import selectors
import socket
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.web import Asked


def tunnel(target_port: int) -> Callable[[Asked], None]:
    """A proxy that leads every CONNECT to that port of this machine."""

    def handler(asked: Asked) -> None:
        with socket.create_connection(("127.0.0.1", target_port)) as onward:
            asked.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(asked.socket, onward)

    return handler


def _relay(one: socket.socket, other: socket.socket) -> None:
    # In one thread: a TLS connection may not be read and written at the same time.
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        try:
            while True:
                for key, _ in selector.select():
                    if not _pass_on(key.fileobj, key.data):
                        return
        except OSError:
            return


def _pass_on(source: Any, sink: socket.socket) -> bool:
    data = source.recv(65536)
    while isinstance(source, ssl.SSLSocket) and source.pending():
        data += source.recv(65536)
    sink.sendall(data)
    return bool(data)
