"""Records and journals in a local folder."""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import StorageError
from ci_ops.edge.trusted import FOLDER_MODE, check_folder, open_own, read_own

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RESERVE = ".reserve"
RESERVE_BYTES = 256 * 1024
"""Given back when the disk is full: a journal and a ledger with room for how a failed deployment ended."""


@dataclass(frozen=True)
class LocalStore:
    """A folder, created on the first write.

    Safe to share between threads. No link in it is followed, and what another
    user could have written is refused.
    """

    directory: Path
    root: Path | None = None
    """The folder of ours that it lies in, as far up as links are looked for; None for itself."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def lines(self, name: str) -> LocalLines:
        """Return the file of lines with that name; it is created with the first line."""
        return LocalLines(self._path(name), self._check, self._one_at_a_time)

    def names(self, suffix: str) -> tuple[str, ...]:
        """Return the names of the files with that suffix, sorted; None when there is no folder."""
        with usable(self.directory):
            self._check()
            if not self.directory.is_dir():
                return ()
            files = [path.name for path in self.directory.iterdir() if stat.S_ISREG(path.lstat().st_mode)]
        return tuple(sorted(name for name in files if name.endswith(suffix) and _NAME.fullmatch(name)))

    def write(self, name: str, text: str) -> Path:
        """Write a whole file atomically and durably."""
        path = self._path(name)
        passing = path.with_name(f".{name}.{os.getpid()}.tmp")
        with self._one_at_a_time, usable(path):
            self._check()
            make_directory(path.parent)
            passing.unlink(missing_ok=True)
            try:
                _write_and_sync(passing, text.encode(), os.O_EXCL)
                passing.replace(path)
            except BaseException:
                passing.unlink(missing_ok=True)
                raise
            _sync_directory(path.parent)
        return path

    def read(self, name: str) -> str | None:
        """Return a whole file; None when there is none."""
        path = self._path(name)
        with usable(path):
            self._check()
            try:
                return read_own(path).decode("utf-8", "replace")
            except FileNotFoundError:
                return None

    def hold_reserve(self) -> None:
        """Reserve disk space for a deployment's lines; random bytes, because zeros may be sparse."""
        reserve = self.directory / RESERVE
        with suppress(OSError):
            if not reserve.exists() or reserve.stat().st_size < RESERVE_BYTES:
                reserve.unlink(missing_ok=True)
                _write_and_sync(reserve, os.urandom(RESERVE_BYTES // 2).hex().encode(), os.O_EXCL)

    def _check(self) -> None:
        check_folder(self.directory, self.root or self.directory)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for a file of the store: {name!r}")
        return self.directory / name


@dataclass(frozen=True)
class LocalLines:
    """An append-only file of lines that survives truncation at any byte."""

    path: Path
    _check: Callable[[], None] = field(repr=False, compare=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def read(self) -> tuple[str, ...]:
        """Return every whole line, without a torn last one."""
        with usable(self.path):
            self._check()
            try:
                data = read_own(self.path)
            except FileNotFoundError:
                return ()
        *whole, _torn = data.split(b"\n")
        return tuple(line.decode("utf-8", "replace") for line in whole)

    def append(self, line: str) -> None:
        """Append one line durably.

        A torn last line, left by a crash, is cut off first: it never counted. If the disk is full,
        the reserve beside the file is released.
        """
        if "\n" in line or "\r" in line:
            raise ValueError("a line must not contain a line end")
        with self._one_at_a_time, usable(self.path):
            self._check()
            is_new = not self.path.exists()
            if is_new:
                make_directory(self.path.parent)
            data = f"{line}\n".encode()
            try:
                _append(self.path, data)
            except OSError as error:
                if error.errno not in _FULL or not _give_back(self.path.with_name(RESERVE)):
                    raise
                _append(self.path, data)
            if is_new:
                _sync_directory(self.path.parent)


def make_directory(directory: Path) -> None:
    """Create the folder and its parents durably."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(FOLDER_MODE, exist_ok=True)
    _sync_directory(directory.parent)


def _append(path: Path, data: bytes) -> None:
    if path.exists():
        _cut_torn_line(path)
    _write_and_sync(path, data, os.O_APPEND)


def _give_back(reserve: Path) -> bool:
    """Remove the reserve; return True when there was one."""
    try:
        reserve.unlink()
    except OSError:
        return False
    return True


def _write_and_sync(path: Path, data: bytes, how: int) -> None:
    descriptor = open_own(path, os.O_WRONLY | os.O_CREAT | how)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut_torn_line(path: Path) -> None:
    with os.fdopen(open_own(path, os.O_RDWR), "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _sync_directory(directory: Path) -> None:
    """Sync a directory so that a new name in it is durable; Windows needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems refuse it
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Convert the system's errors into a StorageError with advice."""
    try:
        yield
    except OSError as error:
        sentence = f"cannot be used: {error.strerror or error}"
        raise StorageError(sentence, where=str(path), is_full=error.errno in _FULL) from error
