"""Real HTTP(S) servers on this machine whose every answer is a function of the test.

    with serving(lambda asked: Reply(body=b"hello")) as server:
        http.request("GET", server.url("/health"), timeout_seconds=2)

A handler gets what was asked and returns a Reply, or talks to the socket
itself (`asked.send`, `asked.wait`, `asked.reset`) and returns None, after
which the connection is closed. Each connection has its number, so that
`workers(new, old)` stands for a service in the middle of a rolling update.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_IDLE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole, well-formed answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    """Close the connection after it, as `Connection: close` says."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in, and the socket it came from."""

    method: str
    target: str
    """Path and query; the whole URL when we are asked as a proxy."""
    headers: Mapping[str, str]
    """Names in lower case; of a repeated one the last."""
    body: bytes
    connection: int
    """1 for the first connection of this server."""
    server_name: str
    """What SNI said; empty without TLS."""
    socket: socket.socket
    closing: threading.Event

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    def send(self, data: bytes) -> bool:
        """Send raw bytes; False when nobody takes them any more."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Let time pass; False when the server is to end."""
        return not self.closing.wait(seconds)

    def drip(self, data: bytes, *, every_seconds: float) -> None:
        """Send the bytes one by one until nobody takes them."""
        for byte in data:
            if not (self.wait(every_seconds) and self.send(bytes([byte]))):
                return

    def reset(self) -> None:
        """Break the connection off, so that the other side sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Handler = Callable[[Asked], Reply | None]


class WebServer:
    """A running server: where it is, and what came in so far."""

    def __init__(self, handler: Handler, *, host: str, context: ssl.SSLContext | None) -> None:
        self.handler = handler
        """May be changed at any time; counts from the next request on."""
        self.asked: list[Asked] = []
        self.connections = 0
        """How many connections were accepted."""
        self._context = context
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._server_names: dict[int, str] = {}
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=256)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        if context is not None:
            context.sni_callback = self._note_server_name
        self._start(self._accept)

    def url(self, path: str = "/", *, host: str = "") -> str:
        """The address of a path, under another name if one is given."""
        name = host or self.host
        name = f"[{name}]" if ":" in name else name
        return f"{'https' if self._context else 'http'}://{name}:{self.port}{path}"

    @property
    def targets(self) -> list[str]:
        """Every path with its query that was asked for, in order."""
        return [asked.target for asked in self.asked]

    def close(self) -> None:
        """End every connection and every thread."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, plain, self.connections)

    def _note_server_name(self, sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: object) -> None:
        self._server_names[id(sock)] = name or ""

    def _serve(self, plain: socket.socket, number: int) -> None:
        plain.settimeout(_IDLE_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(plain)
        with plain, suppress(OSError, ValueError):
            if self._context is None:
                self._answer_all(plain, number, "")
                return
            with self._context.wrap_socket(plain, server_side=True) as wrapped:
                self._open.add(wrapped)
                self._answer_all(wrapped, number, self._server_names.pop(id(wrapped), ""))

    def _answer_all(self, connection: socket.socket, number: int, server_name: str) -> None:
        with connection.makefile("rb") as stream:
            while not self._closing.is_set() and (line := stream.readline()):
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers = dict(_headers(stream.readline))
                asked = Asked(
                    method=method,
                    target=target,
                    headers=headers,
                    body=stream.read(int(headers.get("content-length", "0"))),
                    connection=number,
                    server_name=server_name,
                    socket=connection,
                    closing=self._closing,
                )
                self.asked.append(asked)
                reply = self.handler(asked)
                if reply is None or not asked.send(_written(reply, method)) or reply.close:
                    return


def _headers(readline: Callable[[], bytes]) -> Iterator[tuple[str, str]]:
    while line := readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        yield name.lower(), value.strip()


def _written(reply: Reply, method: str) -> bytes:
    has_body = reply.status not in {204, 304}
    headers = {"Content-Length": str(len(reply.body))} if has_body else {}
    if reply.close:
        headers["Connection"] = "close"
    lines = [f"{name}: {value}" for name, value in {**headers, **reply.headers}.items()]
    head = "\r\n".join([f"HTTP/1.1 {reply.status} Said", *lines, "", ""])
    return head.encode("latin-1") + (reply.body if has_body and method != "HEAD" else b"")


@contextmanager
def serving(
    handler: Handler, *, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """A server on a free port of this machine; with a context (certificates.py) it speaks TLS."""
    server = WebServer(handler, host=host, context=context)
    try:
        yield server
    finally:
        server.close()


def workers(*handlers: Handler) -> Handler:
    """Several workers behind one port: each new connection goes to the next one, in turn."""
    return lambda asked: handlers[(asked.connection - 1) % len(handlers)](asked)


def by_path(handlers: Mapping[str, Handler]) -> Handler:
    """A handler for each path; any other is 404."""

    def answer(asked: Asked) -> Reply | None:
        handler = handlers.get(asked.path)
        return handler(asked) if handler else Reply(status=404, body=b"not found")

    return answer


def in_turn(*replies: Reply) -> Handler:
    """One reply after another, the last one again and again."""
    left = list(replies)
    one_at_a_time = threading.Lock()

    def answer(_: Asked) -> Reply:
        with one_at_a_time:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


@contextmanager
def refusing(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that refuses every connection, and that nobody else gets meanwhile."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.bind((host, 0))
        yield bound.getsockname()[1]


@contextmanager
def ignoring(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port where connecting neither succeeds nor fails: its queue is full and nobody accepts."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for each in waiting:
                each.close()
