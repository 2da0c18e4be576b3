"""The world: all ports in one bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ci_ops.core.deadline import Deadline
    from ci_ops.core.ports.clock import Clock
    from ci_ops.core.ports.http import Http
    from ci_ops.core.ports.listeners import Listeners
    from ci_ops.core.ports.place import Place
    from ci_ops.core.ports.process import Process
    from ci_ops.core.ports.stop import Stop
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.ports.tls import Tls
    from ci_ops.core.text.redact import Redactor

Env = Mapping[str, str]
"""The environment variables the user gave us."""


class World(Protocol):
    """The outside world as one bundle of ports, each created on first use."""

    def within(self, deadline: Deadline) -> World:
        """Return a world whose every port honours the deadline, or an earlier one of this world."""
        ...

    def at(self, place: str) -> Place:
        """Return the ports of that place. Raises UsageError for an unreachable one."""
        ...

    @property
    def http(self) -> Http:
        """HTTP requests."""
        ...

    @property
    def tls(self) -> Tls:
        """TLS handshakes."""
        ...

    @property
    def process(self) -> Process:
        """Child processes."""
        ...

    @property
    def listeners(self) -> Listeners:
        """The processes of this machine that listen on a port."""
        ...

    @property
    def clock(self) -> Clock:
        """Time and waiting."""
        ...

    @property
    def stop(self) -> Stop:
        """Stop requests to this process."""
        ...

    @property
    def env(self) -> Env:
        """The environment variables."""
        ...

    @property
    def redact(self) -> Redactor:
        """The redactor of secrets."""
        ...

    @property
    def templates(self) -> Templates:
        """Message and summary templates."""
        ...
