"""A world with a deadline: nothing that its ports start outlives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.deadline import Deadline
from ci_ops.core.errors import OutOfTime
from ci_ops.core.ports.clock import Clock
from ci_ops.core.ports.http import Http, HttpError
from ci_ops.core.ports.place import Place
from ci_ops.core.ports.process import Process
from ci_ops.core.ports.stop import Stop
from ci_ops.core.ports.tls import Tls
from ci_ops.core.ports.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.lease import Lease
    from ci_ops.core.ports.listeners import Listeners
    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.store import Store
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.ports.tls import Certificate
    from ci_ops.core.ports.world import Env
    from ci_ops.core.text.redact import Redactor


@dataclass(frozen=True, slots=True)
class BoundedWorld:
    """Another world whose every port honours a deadline.

    With no time left nothing is started. A program is terminated at the
    deadline, and killed after the grace period that every program has.
    Listeners and templates work on this machine alone and wait for nothing.
    """

    _inner: World
    _deadline: Deadline

    def within(self, deadline: Deadline) -> BoundedWorld:
        """Return this world with the earlier of both deadlines."""
        return BoundedWorld(self._inner, self._deadline.sooner(deadline.left_seconds))

    def at(self, place: str) -> Place:
        """Return that place, with processes that honour the deadline."""
        return _BoundedPlace(self._inner.at(place), self._deadline)

    @property
    def http(self) -> Http:
        """HTTP requests within the deadline."""
        return _BoundedHttp(self._inner.http, self._deadline)

    @property
    def tls(self) -> Tls:
        """TLS handshakes within the deadline."""
        return _BoundedTls(self._inner.tls, self._deadline)

    @property
    def process(self) -> Process:
        """Child processes within the deadline."""
        return _BoundedProcess(self._inner.process, self._deadline)

    @property
    def clock(self) -> Clock:
        """Time, and waits within the deadline."""
        return _BoundedClock(self._inner.clock, self._deadline)

    @property
    def stop(self) -> Stop:
        """Stop requests; waiting for one ends at the deadline."""
        return _BoundedStop(self._inner.stop, self._deadline)

    @property
    def listeners(self) -> Listeners:
        """The listeners of the inner world."""
        return self._inner.listeners

    @property
    def env(self) -> Env:
        """The environment of the inner world."""
        return self._inner.env

    @property
    def redact(self) -> Redactor:
        """The redactor of the inner world."""
        return self._inner.redact

    @property
    def templates(self) -> Templates:
        """The templates of the inner world."""
        return self._inner.templates


@dataclass(frozen=True, slots=True)
class _BoundedHttp:
    inner: Http
    deadline: Deadline

    def request(self, method: str, url: str, *, timeout_seconds: float, **more: Any) -> Response:
        return self.inner.request(method, url, timeout_seconds=self._left(timeout_seconds), **more)

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        return self.inner.addresses(url, timeout_seconds=self._left(timeout_seconds))

    def _left(self, timeout_seconds: float) -> float:
        return _time_for_request(self.deadline, timeout_seconds)


@dataclass(frozen=True, slots=True)
class _BoundedTls:
    inner: Tls
    deadline: Deadline

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        left = _time_for_request(self.deadline, timeout_seconds)
        return self.inner.certificate(host, port, address=address, timeout_seconds=left)

    def accepts(
        self, host: str, port: int, *, version: str, address: str, timeout_seconds: float
    ) -> bool | None:
        left = _time_for_request(self.deadline, timeout_seconds)
        return self.inner.accepts(host, port, version=version, address=address, timeout_seconds=left)


def _time_for_request(deadline: Deadline, timeout_seconds: float) -> float:
    """Return the seconds that a request may take. Raises HttpError when none are left."""
    left = deadline.within(timeout_seconds)
    if left <= 0:
        raise HttpError("deadline", "no time was left for the request", transient=True)
    return left


@dataclass(frozen=True, slots=True)
class _BoundedProcess:
    inner: Process
    deadline: Deadline

    def run(self, command: str | Sequence[str], *, timeout_seconds: float, **more: Any) -> Completed:
        left = self.deadline.within(timeout_seconds)
        if left <= 0:
            raise OutOfTime("no time was left to run the program")
        return self.inner.run(command, timeout_seconds=left, **more)


@dataclass(frozen=True, slots=True)
class _BoundedPlace:
    inner: Place
    deadline: Deadline

    @property
    def env(self) -> Env:
        return self.inner.env

    @property
    def process(self) -> Process:
        return _BoundedProcess(self.inner.process, self.deadline)

    def has_folder(self, path: Path) -> bool:
        return self.inner.has_folder(path)

    def store(self, directory: Path, root: Path | None = None) -> Store:
        return self.inner.store(directory, root)

    def lease(self, directory: Path, root: Path | None = None) -> Lease:
        return self.inner.lease(directory, root)


@dataclass(frozen=True, slots=True)
class _BoundedClock:
    inner: Clock
    deadline: Deadline

    def now(self) -> datetime:
        return self.inner.now()

    def monotonic(self) -> float:
        return self.inner.monotonic()

    def sleep(self, seconds: float, /) -> None:
        left = self.deadline.within(seconds)
        self.inner.sleep(left)
        if left < seconds:
            raise OutOfTime(f"no time was left to wait {seconds:g} s")


@dataclass(frozen=True, slots=True)
class _BoundedStop:
    inner: Stop
    deadline: Deadline

    @property
    def requested(self) -> int:
        return self.inner.requested

    def wait(self, seconds: float) -> bool:
        return self.inner.wait(self.deadline.within(seconds))

    def check(self) -> None:
        self.inner.check()
