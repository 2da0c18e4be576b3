"""Storage of the numbers of a series, in this process or in shared files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ci_ops.service.metrics.family import Definition, Family

    Cells = list[float] | memoryview[float]
    """Both take `cells[0] += 1.0`."""


class Storage(Protocol):
    """Provides cells, all zero, for series, and the metrics of other processes."""

    def allocate(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        """Return so many cells."""
        ...

    def others(self) -> list[Family]:
        """Return the metrics of other processes, those that have exited included."""
        ...

    def renew(self) -> None:
        """Leave the cells to the parent, in a forked child."""
        ...


class OwnMemory:
    """Cells of this process alone."""

    def allocate(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        """Return a list for each series."""
        del definition, labels
        return [0.0] * count

    def others(self) -> list[Family]:
        """Return no metrics: there are no other processes."""
        return []

    def renew(self) -> None:
        """Do nothing: the child has copies."""
