"""Standard output and error that survive a closed reader.

A closed terminal, a broken pipe or a full disk under a log must not end a
deployment between two steps: what cannot be written is lost, nothing else.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class LossyOutput(io.RawIOBase):
    """A descriptor that accepts all data and records that some was lost."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.loss: OSError | None = None

    def writable(self) -> bool:
        """Return True: the stream is writable."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return True on a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write the data; drop it if the descriptor accepts no more."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                _wait_until_writable(self._descriptor)
            except OSError as error:
                self.loss = error
                return memoryview(data).nbytes


def outlive_readers() -> None:
    """Make stdout and stderr of this process drop what cannot be written, and open them if closed.

    Windows keeps its own streams: its consoles are no plain descriptors.
    """
    if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
        return
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # the next file to be opened, a journal perhaps, would become our stdout
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _lossy(sys.stdout, 1, errors="strict")
    sys.stderr = _lossy(sys.stderr, 2, errors="backslashreplace")


def loss_of(stream: TextIO) -> str:
    """Return why output was lost on that stream; empty if none was, or if its reader closed it."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    loss = raw.loss if isinstance(raw, LossyOutput) else None
    return "" if loss is None or loss.errno == errno.EPIPE else loss.strerror or str(loss)


def _lossy(stream: TextIO | None, descriptor: int, *, errors: str) -> TextIO:
    """Return a lossy stream for the given one, which is None if the process started without it."""
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream  # replaced already, by a test or a program that embeds us
    return io.TextIOWrapper(
        io.BufferedWriter(LossyOutput(descriptor)),
        encoding=stream.encoding if stream else "utf-8",
        errors=(stream.errors if stream else None) or errors,
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )


def _wait_until_writable(descriptor: int) -> None:
    """Wait for the reader of a pipe that another program left in non-blocking mode."""
    import select  # noqa: PLC0415 - rarely needed

    select.select([], [descriptor], [])
