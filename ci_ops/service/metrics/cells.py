"""Where the numbers of a series are kept.

In this process, or in shared files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ci_ops.service.metrics.family import Definition, Family

    Cells = list[float] | memoryview[float]
    """Both take `cells[0] += 1.0`."""


class Storage(Protocol):
    """Gives series their cells, and knows what other processes counted.

    The cells are all zero.
    """

    def allocate(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        """So many cells."""
        ...

    def others(self) -> list[Family]:
        """The metrics of other processes, those that have ended included."""
        ...

    def renew(self) -> None:
        """Leave the cells to the parent: this is a forked child."""
        ...


class OwnMemory:
    """Cells that only this process sees."""

    def allocate(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        """A list for each series."""
        del definition, labels
        return [0.0] * count

    def others(self) -> list[Family]:
        """Nobody."""
        return []

    def renew(self) -> None:
        """Nothing to leave: the child has copies."""
