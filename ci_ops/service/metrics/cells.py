"""Where the numbers of a series are kept.

In this process, or in shared files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ci_ops.service.metrics.family import Definition, Family

    Cells = list[float] | memoryview[float]
    """Both take `cells[0] += 1.0`."""

FOLDER_VARIABLE = "CI_OPS_METRICS_DIR"
"""Names a folder on this host, empty or of ours, where all workers of one server keep their numbers."""


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


def storage_from_environment() -> Storage:
    """Where this process counts.

    In shared files where CI_OPS_METRICS_DIR names a folder, else in memory.
    """
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder:
        return OwnMemory()
    from ci_ops.service.metrics.shared import SharedFiles  # noqa: PLC0415 - one process needs neither mmap nor locks

    return SharedFiles(Path(folder))
