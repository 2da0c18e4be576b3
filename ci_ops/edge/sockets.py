"""Sockets whose waits all count against one deadline.

Every wait of one call counts against one limit.
"""

from __future__ import annotations

import errno
import ipaddress
import math
import os
import selectors
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.durations import format_duration
from ci_ops.edge.failures import explained

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ci_ops.core.ports.stop import Stop

AnswerT = TypeVar("AnswerT")
Place = tuple[socket.AddressFamily, Any]
"""Family and socket address, as `getaddrinfo` gives them."""

_POLL_SECONDS = 0.1
"""How often a waiting call looks whether it should stop."""

_STOP_GRACE_SECONDS = 2.0
"""What a call under way may still take once a stop was requested."""

_FIRST_PATIENCE_SECONDS = 2.0
"""For one address of several: a dead one must not use up the time of the others."""

_UNDER_WAY = {errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)}
_CURRENT: ContextVar[Call | None] = ContextVar("ci_ops_call", default=None)


class Call:
    """The budget of one request: time, bytes, and the address to connect to.

    The sockets of this module follow the call of their thread, entered with
    `with`. Whatever they wait for, they never wait past the call's end.
    """

    def __init__(
        self,
        seconds: float,
        *,
        stop: Stop,
        subject: str,
        max_bytes: int | None = None,
        connect_to: str = "",
    ) -> None:
        self._end = time.monotonic() + seconds
        self._limit = f"within {format_duration(seconds)}"
        self._stop = stop
        self._was_stopped = bool(stop.requested)
        self._max_bytes = max_bytes
        self._received = 0
        self.subject = subject
        """What is called, as it may be shown."""
        self.connect_to = connect_to
        self.doing = "connecting"
        self.peer = ""
        """The IP address that answered."""
        self._opened: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        self._outer = _CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _CURRENT.reset(self._outer)

    @staticmethod
    def current() -> Call:
        """Return the call of this thread."""
        call = _CURRENT.get()
        assert call is not None
        return call

    @property
    def left_seconds(self) -> float:
        """Return the remaining time. Raises HttpError when there is none."""
        now = time.monotonic()
        if self._stop.requested and not self._was_stopped:
            # A call that begins after the request has its full time: it tells others about the stop.
            self._was_stopped = True
            if self._end > now + _STOP_GRACE_SECONDS:
                self._end, self._limit = now + _STOP_GRACE_SECONDS, "before we had to stop"
        if now >= self._end:
            sentence = f"{self.subject} did not finish {self._limit} ({self.doing})"
            raise HttpError("timeout", sentence, transient=True)
        return self._end - now

    @property
    def next_wait_seconds(self) -> float:
        """Return how long to wait before checking again. Raises HttpError when time is up."""
        return min(self.left_seconds, _POLL_SECONDS)

    def begin(self, subject: str, *, connect_to: str) -> None:
        """Begin one more hop, with a new count of bytes."""
        self.subject, self.connect_to = subject, connect_to
        self.doing, self.peer = "connecting", ""
        self._received = 0

    def opens(self, close: Callable[[], None]) -> None:
        """Register the function that closes a connection opened for this call."""
        self._opened.append(close)

    def finish(self, *, close: bool) -> None:
        """End the hop; close its new connections or leave them to the pool."""
        opened, self._opened = self._opened, []
        for each in opened if close else ():
            each()

    def count(self, received: int) -> int:
        """Count received bytes. Raises HttpError above the limit."""
        self._received += received
        if self._max_bytes is not None and self._received > self._max_bytes:
            raise HttpError("body", f"{self.subject} sends without end", transient=False)
        return received


def _paced(sock: socket.socket, work: Callable[[], AnswerT]) -> AnswerT:
    call = Call.current()
    while True:
        sock.settimeout(call.next_wait_seconds)
        try:
            return work()
        except TimeoutError:
            continue


class PacedSocket(socket.socket):
    """A TCP socket that honours the deadline of its thread's call."""

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive within the deadline."""
        return Call.current().count(
            _paced(self, lambda: super(PacedSocket, self).recv_into(buffer, nbytes, flags))
        )

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all within the deadline, by single sends: a timed-out `sendall` cannot be continued."""
        left = memoryview(data).cast("B")
        while left:
            sent = _paced(self, lambda left=left: super(PacedSocket, self).send(left, flags))  # type: ignore[misc]
            left = left[sent:]


class PacedTlsSocket(ssl.SSLSocket):
    """A TLS socket that honours the deadline of its thread's call."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in the base class
        """Shake hands within the deadline."""
        try:
            _paced(self, lambda: super(PacedTlsSocket, self).do_handshake(block))
        except HttpError:
            self.close()  # the base class does so for its own errors alone
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive within the deadline; TLS inside TLS (an https proxy) uses it."""
        data = _paced(self, lambda: super(PacedTlsSocket, self).recv(buflen, flags))
        Call.current().count(len(data))
        return data

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive within the deadline."""
        return Call.current().count(
            _paced(self, lambda: super(PacedTlsSocket, self).recv_into(buffer, nbytes, flags))
        )

    def send(self, data: Any, flags: int = 0) -> int:
        """Send within the deadline; the base class's `sendall` uses it."""
        return _paced(self, lambda: super(PacedTlsSocket, self).send(data, flags))


def look_up(host: str, port: int, call: Call) -> tuple[Place, ...]:
    """Return every address of a host, in the resolver's order. Raises HttpError.

    The resolver has no timeout, so it runs in a thread that is abandoned when time is up.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _look_up_name(host, port, call)
    return _resolve(host, port)


def _look_up_name(host: str, port: int, call: Call) -> tuple[Place, ...]:
    answers: SimpleQueue[tuple[Place, ...] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_resolve(host, port))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
            answers.put(error)

    call.doing = "resolving its name"
    threading.Thread(target=ask, name="ci-ops-resolver", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=call.next_wait_seconds)
        except Empty:
            continue
        if isinstance(answer, Exception):
            raise explained(answer, call.subject)
        return answer


def _resolve(host: str, port: int) -> tuple[Place, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys((family, address) for family, _, _, _, address in found))


def open_socket(host: str, port: int, call: Call) -> PacedSocket:
    """Return a connection to the first address of the host that accepts one. Raises HttpError."""
    places = look_up(call.connect_to or host, port, call)
    call.doing = "connecting"
    problem: OSError | None = None
    for number, place in enumerate(places, 1):
        patience = math.inf if number == len(places) else _FIRST_PATIENCE_SECONDS
        try:
            return _connect(place, call, patience)
        except OSError as error:
            problem = error
    raise explained(problem or socket.gaierror(socket.EAI_NONAME, "no address"), call.subject)


def _connect(place: Place, call: Call, patience_seconds: float) -> PacedSocket:
    family, address = place
    sock = PacedSocket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(0)
        code = sock.connect_ex(address)
        if code in _UNDER_WAY:
            _wait_until_writable(sock, call, time.monotonic() + patience_seconds)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))  # noqa: TRY301 - becomes the subclass that fits
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _wait_until_writable(sock: socket.socket, call: Call, end: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(call.next_wait_seconds):
            if time.monotonic() >= end:
                raise TimeoutError("timed out")
