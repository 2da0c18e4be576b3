"""The real world: every port, each created on first use.

Every port in one bundle, each made when it is first used.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ci_ops.core.errors import UsageError
from ci_ops.core.ports.place import LOCAL
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import RealClock, StopSignal
from ci_ops.edge.own_words import is_own_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from ci_ops.core.bounded import BoundedWorld
    from ci_ops.core.deadline import Deadline
    from ci_ops.core.ports.clock import Clock
    from ci_ops.core.ports.http import Http
    from ci_ops.core.ports.listeners import Listeners
    from ci_ops.core.ports.process import Process
    from ci_ops.core.ports.stop import Stop
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.ports.tls import Tls
    from ci_ops.core.ports.world import Env
    from ci_ops.edge.place import LocalPlace

PortT = TypeVar("PortT")


class RealWorld:
    """All ports; cheap to create, safe to share between threads.

    A port's module, and the libraries behind it, are imported by the first
    thread that asks for the port.
    """

    __slots__ = ("_clock", "_env", "_lock", "_ports", "_redact", "_stop")

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        clock: Clock | None = None,
        stop: Stop | None = None,
        redact: Redactor | None = None,
    ) -> None:
        self._env = MappingProxyType(dict(env))
        self._stop: Stop = StopSignal() if stop is None else stop
        self._clock: Clock = RealClock(self._stop) if clock is None else clock
        self._redact = Redactor(is_own_word=is_own_word) if redact is None else redact
        self._ports: dict[str, Any] = {}
        self._lock = threading.RLock()

    @classmethod
    def from_environment(
        cls, *, clock: Clock | None = None, stop: Stop | None = None, redact: Redactor | None = None
    ) -> Self:
        """Return the world of this process."""
        return cls(env=os.environ, clock=clock, stop=stop, redact=redact)

    @property
    def env(self) -> Env:
        """The environment variables, read-only."""
        return self._env

    @property
    def stop(self) -> Stop:
        """Stop requests to this process."""
        return self._stop

    @property
    def clock(self) -> Clock:
        """Time, and waits that a stop request ends."""
        return self._clock

    @property
    def redact(self) -> Redactor:
        """The redactor that every port uses."""
        return self._redact

    @property
    def http(self) -> Http:
        """HTTP requests, with the environment's proxies and certificates."""
        return self._made("http", self._make_http)

    @property
    def tls(self) -> Tls:
        """TLS handshakes."""
        return self._made("tls", self._make_tls)

    @property
    def process(self) -> Process:
        """Child processes; their default environment is the base of this world's."""
        return self._made("process", self._make_process)

    @property
    def listeners(self) -> Listeners:
        """The processes of this machine that listen on a port."""
        return self._made("listeners", _make_listeners)

    @property
    def templates(self) -> Templates:
        """Message and summary templates."""
        return self._made("templates", _make_templates)

    def within(self, deadline: Deadline) -> BoundedWorld:
        """Return this world with ports that honour the deadline."""
        from ci_ops.core.bounded import BoundedWorld  # noqa: PLC0415 - most commands need no deadline

        return BoundedWorld(self, deadline)

    def at(self, place: str) -> LocalPlace:
        """Return the ports of that place. Raises UsageError for an unreachable one."""
        from ci_ops.edge.place import LocalPlace  # noqa: PLC0415 - each port loads when it is used

        if place != LOCAL:
            raise UsageError(
                f"ci-ops cannot reach the place {place!r}",
                hint=f"Use {LOCAL!r}, the machine that runs ci-ops, or a version of ci-ops that knows the place.",
            )
        return LocalPlace(self)

    def waits(self, *, base_seconds: float = 1.0, cap_seconds: float = 8.0) -> Iterator[float]:
        """Yield endless backoff times in seconds: exponential, capped, jittered."""
        from ci_ops.edge.retry import waits  # noqa: PLC0415 - loads backoff

        return waits(base_seconds=base_seconds, cap_seconds=cap_seconds)

    def _made(self, name: str, make: Callable[[], PortT]) -> PortT:
        """Return the port of that name, created once across threads."""
        made = self._ports.get(name)
        if made is None:
            with self._lock:
                made = self._ports.get(name)
                if made is None:
                    made = self._ports[name] = make()
        return cast("PortT", made)

    def _make_http(self) -> Http:
        from ci_ops.edge.http import RequestsHttp  # noqa: PLC0415 - loads requests

        return RequestsHttp(env=self._env, stop=self._stop, redact=self._redact)

    def _make_tls(self) -> Tls:
        from ci_ops.edge.tls import RealTls  # noqa: PLC0415 - each port loads when it is used

        return RealTls(env=self._env, stop=self._stop)

    def _make_process(self) -> Process:
        from ci_ops.edge.process import RealProcess  # noqa: PLC0415 - each port loads when it is used

        return RealProcess(env=self._env, stop=self._stop, redact=self._redact)


def _make_listeners() -> Listeners:
    from ci_ops.edge.listeners import ProcListeners  # noqa: PLC0415 - each port loads when it is used

    return ProcListeners()


@cache
def _make_templates() -> Templates:
    """Return the templates that every world of this process shares, each compiled once."""
    from ci_ops.edge.templates import JinjaTemplates  # noqa: PLC0415 - loads Jinja

    return JinjaTemplates()
