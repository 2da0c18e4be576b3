"""An append-only file of lines."""

from __future__ import annotations

from typing import Protocol


class Lines(Protocol):
    """An append-only file of lines: journal and ledger."""

    def read(self) -> tuple[str, ...]:
        """Every whole line, without line ends; a torn last line is left out."""
        ...

    def append(self, line: str) -> None:
        """Add one line and have it on the disk before returning."""
        ...
