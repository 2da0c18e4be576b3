"""The folder with the numbers of the processes of one server."""

from __future__ import annotations

import json
import logging
import os
import time
from array import array
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ci_ops.service.metrics.family import Definition, Family, merged
from ci_ops.service.metrics.names import OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no server there shares its socket among processes
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("ci_ops.service.metrics")

CELLS = ".cells"
INDEX = ".index"
MAX_WAIT_SECONDS = 1.0
"""For a process that looks after the folder, and perhaps was stopped in the middle of it."""
MAX_FOLDED_SERIES = 2000
"""Of one metric, from processes that have ended; what comes after counts as one."""


class SharedFolder:
    """Creates and reads the pairs of files, one pair for each process."""

    def __init__(self, path: Path) -> None:
        if fcntl is None:
            raise RuntimeError("metrics cannot be shared between processes on this system")
        self._path = path
        self._folded_path = path / "folded.json"

    def create(self, stem: str) -> tuple[int, int]:
        """Return descriptors of a new pair: the cells, locked as long as this process lives, and the index."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._guarded():
            if not any(_is_held(cells) for cells in self._path.glob(f"*{CELLS}")):
                self._clear()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            cells = os.open(self._path / f"{stem}{CELLS}", flags, 0o600)
            fcntl.flock(cells, fcntl.LOCK_EX | fcntl.LOCK_NB)
            index = os.open(self._path / f"{stem}{INDEX}", flags | os.O_APPEND, 0o600)
        return cells, index

    def read(self, *, except_for: str) -> list[Family]:
        """Return the metrics of every process but one."""
        if not self._path.is_dir():
            return []
        with self._guarded():
            folded = self._fold()
            alive = [one for one in sorted(self._path.glob(f"*{CELLS}")) if one.stem != except_for]
            return merged([*folded, *(family for one in alive for family in _families(one))])

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let one process at a time maintain the folder; a scrape takes milliseconds.

        Raises TimeoutError when another one does not finish.
        """
        guard = os.open(self._path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(guard)
            yield
        finally:
            os.close(guard)

    def _clear(self) -> None:
        for path in (*self._path.glob(f"*{CELLS}"), *self._path.glob(f"*{INDEX}"), self._folded_path):
            path.unlink(missing_ok=True)

    def _fold(self) -> list[Family]:
        """Add the counters of processes that have exited, once each."""
        families, done = self._folded()
        ended = [one for one in self._path.glob(f"*{CELLS}") if one.stem not in done and not _is_held(one)]
        if ended:
            lasting = [
                family
                for one in ended
                for family in _families(one)
                if family.definition.kind != "gauge"  # what a process was doing ended with it
            ]
            families = [_bounded(family) for family in merged([*families, *lasting])]
            done = {stem for stem in done if (self._path / f"{stem}{CELLS}").exists()} | {
                one.stem for one in ended
            }
            self._write_folded(families, done)
        # Deleted after they were written down: a crash between the two counts nothing twice.
        for stem in done:
            for ending in (CELLS, INDEX):
                (self._path / f"{stem}{ending}").unlink(missing_ok=True)
        return families

    def _folded(self) -> tuple[list[Family], set[str]]:
        with suppress(OSError, ValueError, TypeError, KeyError):
            document = json.loads(self._folded_path.read_text("utf-8"))
            families = [
                Family(
                    definition=Definition.from_json(one["definition"]),
                    series={tuple(labels): tuple(values) for labels, values in one["series"]},
                )
                for one in document["families"]
            ]
            return families, set(document["done"])
        return [], set()

    def _write_folded(self, families: list[Family], done: set[str]) -> None:
        document = {
            "done": sorted(done),
            "families": [
                {"definition": one.definition.to_json(), "series": list(one.series.items())}
                for one in families
            ],
        }
        draft = self._folded_path.with_suffix(".new")
        draft.write_text(json.dumps(document), "utf-8")
        draft.replace(self._folded_path)


def _lock(guard: int) -> None:
    end = time.monotonic() + MAX_WAIT_SECONDS
    while not _takes(guard):
        if time.monotonic() > end:
            raise TimeoutError("another process holds the metrics folder, and does not let it go")
        time.sleep(0.001)


def _takes(descriptor: int) -> bool:
    """Take the lock; False where another one has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(path: Path) -> bool:
    """Return True while the process that created this file lives."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _takes(descriptor)
    finally:
        os.close(descriptor)


def _families(cells_path: Path) -> list[Family]:
    """Return the families of one process; incomplete lines are left out."""
    families: dict[str, Family] = {}
    try:
        cells = array("d", cells_path.read_bytes())
        lines = cells_path.with_suffix(INDEX).read_bytes().splitlines(keepends=True)
    except (OSError, ValueError):
        return []
    for line in lines:
        try:
            _read_line(json.loads(line), cells, families)
        except (ValueError, TypeError, KeyError, IndexError):
            log.warning("%s: a line cannot be read", cells_path.with_suffix(INDEX).name)
    return list(families.values())


def _read_line(line: Any, cells: array[float], families: dict[str, Family]) -> None:
    if isinstance(line, dict):
        definition = Definition.from_json(line)
        families[definition.name] = Family(definition=definition)
        return
    name, labels, offset = line
    family = families[name]
    values = cells[offset : offset + family.definition.cells]
    if len(values) == family.definition.cells and len(labels) == len(family.definition.labels):
        family.series[tuple(labels)] = tuple(values)


def _bounded(family: Family) -> Family:
    """Return the family with no more series than may be kept."""
    if len(family.series) <= MAX_FOLDED_SERIES:
        return family
    overflow = (OVERFLOW,) * len(family.definition.labels)
    kept = list(family.series.items())
    rest = [
        Family(definition=family.definition, series={overflow: values})
        for _, values in kept[MAX_FOLDED_SERIES:]
    ]
    return merged([Family(definition=family.definition, series=dict(kept[:MAX_FOLDED_SERIES])), *rest])[0]
