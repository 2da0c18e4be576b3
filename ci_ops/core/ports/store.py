"""Where records, journals and locks of one environment are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ci_ops.core.ports.lines import Lines
    from ci_ops.core.ports.lock import Lock


class Store(Protocol):
    """Where records, journals and locks of one environment are kept."""

    def lines(self, name: str) -> Lines:
        """The file of lines with that name."""
        ...

    def names(self, suffix: str) -> tuple[str, ...]:
        """The names of the files of lines with that suffix, sorted."""
        ...

    def write(self, name: str, text: str) -> Path:
        """Write a whole file atomically."""
        ...

    def read(self, name: str) -> str | None:
        """A whole file; None when there is none."""
        ...

    def acquire(self, name: str, *, holder: str, since: datetime) -> Lock:
        """Take the lock or raise LockHeld with holder, since when and the way out."""
        ...
