"""The port of an append-only file of lines."""

from __future__ import annotations

from typing import Protocol


class Lines(Protocol):
    """An append-only file of lines, for journal and ledger."""

    def read(self) -> tuple[str, ...]:
        """Return every whole line, without line ends; a torn last line is left out."""
        ...

    def append(self, line: str) -> None:
        """Append one line durably."""
        ...
