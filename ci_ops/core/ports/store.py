"""Where records and journals of one environment are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.lines import Lines


class Store(Protocol):
    """Where records and journals of one environment are kept."""

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

    def hold_reserve(self) -> None:
        """Hold back room for the lines of a deployment, so that a full disk does not stop them."""
        ...
