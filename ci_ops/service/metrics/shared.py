"""Numbers that all workers of a server write, and any of them reads.

Each process maps a file of doubles of its own, so counting costs no more than
in memory, a scrape is exact, and nothing is lost with a killed worker. An index
beside it says which cells are which. A process holds a lock on its file as long
as it lives, however it exits; a scrape adds the counters of unlocked files to
`folded.json` and deletes them. Where no process is alive, a server is starting,
and everything begins at zero.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import secrets
import threading
from typing import TYPE_CHECKING

from ci_ops.service.metrics.shared_folder import SharedFolder

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.service.metrics.cells import Cells
    from ci_ops.service.metrics.family import Definition, Family

log = logging.getLogger("ci_ops.service.metrics")

CHUNK_BYTES = 65_536
"""A multiple of every page size there is."""
CHUNK_CELLS = CHUNK_BYTES // 8


class SharedFiles:
    """The cells of this process, in a folder that it shares with its siblings."""

    def __init__(self, folder: Path) -> None:
        self._folder = SharedFolder(folder)
        self._lock = threading.RLock()
        self._has_failed = False
        self._forget()

    def allocate(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        """Return cells in the mapped file; in memory where the disk is full."""
        with self._lock:
            try:
                return self._map(definition, labels, count)
            except OSError:
                if not self._has_failed:
                    self._has_failed = True
                    log.exception(
                        "metrics are not shared: the numbers of process %d are its own", os.getpid()
                    )
        return [0.0] * count

    def others(self) -> list[Family]:
        """Return the metrics of the siblings, those that have exited included."""
        return self._folder.read(except_for=self._stem)

    def renew(self) -> None:
        """Leave the file to the parent; the next series opens one of this process's own."""
        self._lock = threading.RLock()
        for descriptor in (self._cells_fd, self._index_fd):
            if descriptor >= 0:
                os.close(descriptor)
        self._forget()

    def _forget(self) -> None:
        self._stem = ""
        self._cells_fd = self._index_fd = -1
        self._view: memoryview[float] | None = None
        self._base = 0
        self._used = CHUNK_CELLS
        self._described: set[str] = set()

    def _map(self, definition: Definition, labels: tuple[str, ...], count: int) -> Cells:
        if self._cells_fd < 0:
            stem = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._cells_fd, self._index_fd = self._folder.create(stem)
            self._stem = stem
        if self._view is None or self._used + count > CHUNK_CELLS:
            self._grow()
        assert self._view is not None
        at, self._used = self._used, self._used + count
        self._describe(definition, labels, self._base + at)
        return self._view[at : at + count]

    def _grow(self) -> None:
        """Map one more chunk; writing it first, because a full disk must fail here and not at a count."""
        start = os.fstat(self._cells_fd).st_size
        os.pwrite(self._cells_fd, bytes(CHUNK_BYTES), start)
        mapped = mmap.mmap(self._cells_fd, CHUNK_BYTES, offset=start)
        self._view, self._base, self._used = memoryview(mapped).cast("d"), start // 8, 0

    def _describe(self, definition: Definition, labels: tuple[str, ...], offset: int) -> None:
        lines: list[object] = [] if definition.name in self._described else [definition.to_json()]
        self._described.add(definition.name)
        lines.append([definition.name, labels, offset])
        os.write(self._index_fd, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
