"""The port of a store for the records and journals of one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.lines import Lines


class Store(Protocol):
    """The files with the records and journals of one environment."""

    def lines(self, name: str) -> Lines:
        """Return the file of lines with that name."""
        ...

    def names(self, suffix: str) -> tuple[str, ...]:
        """Return the names of the files of lines with that suffix, sorted."""
        ...

    def write(self, name: str, text: str) -> Path:
        """Write a whole file atomically."""
        ...

    def read(self, name: str) -> str | None:
        """Return a whole file; None when there is none."""
        ...

    def hold_reserve(self) -> None:
        """Reserve disk space for a deployment's lines, so that a full disk does not stop them."""
        ...
