"""A real HTTP server that takes messages, remembers them, and answers as it was told to."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SILENCE = -1
"""Instead of a status: take the request and never answer."""
RESET = -2
"""Instead of a status: break the connection off."""
OVERWHELMED_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer to give."""

    status: int = 200
    body: str = "ok"
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """What came in, and what will be answered; the last answer is given again and again."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._port = server.server_address[1]
        self.taken: list[Taken] = []
        self.answers: deque[Answer] = deque([Answer()])
        self.ended = threading.Event()

    def url(self, path: str = "/services/T0001/B0001/abcdefgh12345678") -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}{path}"

    def answer(self, *answers: Answer) -> None:
        """Give these answers from now on, one after another."""
        self.answers = deque(answers)

    def next(self) -> Answer:
        """The answer that is due."""
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.taken.append(Taken(method="POST", path=self.path, headers=headers, body=body))
            self._answer(receiver.next())

        def _answer(self, answer: Answer) -> None:
            if answer.status == SILENCE:
                receiver.ended.wait(OVERWHELMED_SECONDS)
            if answer.status < 0:
                self.close_connection = True
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            raw = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(raw)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
