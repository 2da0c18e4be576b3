"""Rolling restarts of real servers: a router that probes them, and bounded load on those that are ready.

The load is wrk's through a forwarder of connections, or that of a few threads.
Neither tries anything twice, so what a client would have noticed is counted.
"""

from __future__ import annotations

import http.client
import re
import select
import signal
import socket
import socketserver
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Self

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Server

THINKING = "function delay() return 4 end\n"
"""A client of wrk waits so many milliseconds before each request: the load is bounded."""
CONNECTIONS = 8


@dataclass
class Router:
    """Knows which servers are ready: one thread probes every few milliseconds."""

    servers: list[Server] = field(default_factory=list)
    ready: tuple[Server, ...] = ()

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._turns = count()
        self._thread = threading.Thread(target=self._probe)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def add(self, server: Server) -> None:
        """Route to one more server, from the moment it is ready."""
        self.servers = [*self.servers, server]
        wait_until(lambda: server in self.ready)

    def replace(self, old: Server, new: Server) -> int:
        """One step of a rolling restart: the new one in, the old one out; returns the exit code."""
        self.add(new)
        old.terminate()
        wait_until(lambda: old not in self.ready)
        code = old.wait()
        self.servers = [one for one in self.servers if one is not old]
        return code

    def next(self) -> Server:
        """The next server in turn of those that are ready."""
        ready = self.ready
        return ready[next(self._turns) % len(ready)]

    def _probe(self) -> None:
        while not self._stop.wait(0.03):
            for one in self.servers:
                others = tuple(each for each in self.ready if each is not one)
                # Known at once, and not when the slowest of the servers has answered too.
                self.ready = (*others, one) if one.get("/health/ready") == 200 else others


class ThreadLoad:
    """Four clients, of which two keep their connections open and two open a new one for each request."""

    def __init__(self, router: Router) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._router = router

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(keeps,)) for keeps in (True, False, True, False)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _ask(self, keeps_open: bool) -> None:
        kept: dict[Server, http.client.HTTPConnection] = {}
        while not self._stop.wait(0.004):
            server = self._router.next()
            connection = kept.pop(server, None) or http.client.HTTPConnection(
                "127.0.0.1", server.port, timeout=5
            )
            is_new = connection.sock is None
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
                assert response.status == 200, response.status
                self.answered += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(
                    f"{type(error).__name__}: {error}, on a {'new' if is_new else 'kept'} connection"
                )
                connection.close()
                continue
            if keeps_open and not response.will_close:
                kept[server] = connection
            else:
                connection.close()
        for connection in kept.values():
            connection.close()


class WrkLoad:
    """wrk, whose connections a forwarder leads to a ready server each, for as long as both ends keep them."""

    def __init__(self, router: Router, program: Path, folder: Path) -> None:
        self.answered = 0
        """Answers that have begun; after the end, the requests that wrk has counted."""
        self.failures: list[str] = []
        self.report = ""
        self._program = program
        self._script = folder / "thinking.lua"
        self._script.write_text(THINKING)
        load = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # closing is how a connection fails here, and wrk counts it
                    load.forward(self.request, router.next())

        class Forwarder(socketserver.ThreadingTCPServer):
            request_queue_size = 64

        self._forwarder = Forwarder(("127.0.0.1", 0), Forward)
        self._serving = threading.Thread(target=self._forwarder.serve_forever, args=(0.02,))

    def forward(self, client: socket.socket, server: Server) -> None:
        """Hand bytes to and fro until either end closes."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as upstream:
            other = {client: upstream, upstream: client}
            for each in other:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for each in select.select([*other], [], [])[0]:
                    data = each.recv(65536)
                    if not data:
                        return
                    other[each].sendall(data)
                    self.answered += each is upstream

    def __enter__(self) -> Self:
        self._serving.start()
        address = f"http://127.0.0.1:{self._forwarder.server_address[1]}/"
        options = ["--threads=1", f"--connections={CONNECTIONS}", "--duration=120s", "--timeout=5s"]
        self._process = subprocess.Popen(
            [self._program, *options, f"--script={self._script}", address], stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)  # it then tells what it has seen
        self.report = self._process.communicate(timeout=20)[0]
        self._forwarder.shutdown()
        self._forwarder.server_close()
        self._serving.join(20)
        requests = re.search(r"(\d+) requests in", self.report)
        assert requests is not None, self.report
        self.answered = int(requests[1])
        self.failures = re.findall(r"^\s*((?:Socket errors|Non-2xx).*)$", self.report, re.MULTILINE)
