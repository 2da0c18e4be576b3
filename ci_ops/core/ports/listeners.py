"""The port to processes that listen on a port of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """Processes that listened on a port, and the others that ran at that moment."""

    listening: frozenset[tuple[int, int]]
    """Process id and start of each; a number alone may be used again."""
    users: frozenset[int]
    """Whose they are."""
    known: frozenset[tuple[int, int]]
    """Every process that might be a server of this machine."""


class Listeners(Protocol):
    """The processes of this machine that listen on a port."""

    def at(self, port: int) -> Servers | None:
        """Return the processes that listen on that port; None where none are visible."""
        ...

    def have_ended(self, servers: Servers) -> bool:
        """Return True when they are gone and no process that may be a server was started since.

        Any new process may be the server that starts anew, however slowly.
        """
        ...
