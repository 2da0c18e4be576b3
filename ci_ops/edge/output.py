"""The output of a child process: its tail and its lines, redacted.

Its tail, its lines, and nothing secret in either.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ci_ops.core.ports.process import Completed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.text.redact import Redactor

MAX_LINE_CHARACTERS = 16 * 1024
_MIN_MARGIN = 4096


class Output:
    """Both streams of a process, redacted when read, in bounded memory.

    What is kept is a margin longer than what is shown: a cut may fall into the
    middle of a secret, and what is left of it would not be recognised. The
    margin is longer than any secret and is thrown away after redacting.
    """

    def __init__(
        self, redact: Redactor, *, max_output: int, on_line: Callable[[str], None] | None = None
    ) -> None:
        self._redact = redact
        self._max_output = max_output
        self._on_line = on_line
        self._margin = max(_MIN_MARGIN, redact.reach)
        keep = max_output + self._margin
        self._both = _Tail(keep)
        self._stdout = _Tail(keep)
        self._unfinished = {"stdout": b"", "stderr": b""}

    def add(self, stream: str, data: bytes) -> None:
        """Append data of `stdout` or `stderr`; empty data is the end of the stream."""
        self._both.add(data)
        if stream == "stdout":
            self._stdout.add(data)
        if self._on_line is not None:
            self._tell_lines(stream, data)

    def add_note(self, sentence: str) -> None:
        """Add a line of our own."""
        self.add("stderr", f"{sentence}\n".encode(errors="replace"))

    def completed(
        self, exit_code: int, *, seconds: float, timed_out: bool = False, interrupted: bool = False
    ) -> Completed:
        """Return the result of the run."""
        return Completed(
            exit_code=exit_code,
            output=self._shown(self._both),
            stdout=self._shown(self._stdout),
            seconds=seconds,
            timed_out=timed_out,
            interrupted=interrupted,
            truncated=self._both.size > self._max_output,
        )

    def _shown(self, tail: _Tail) -> str:
        text = self._redact(tail.data.decode("utf-8", "replace"))
        if tail.was_cut:
            text = text[self._margin :]
        return text.encode()[-self._max_output :].decode("utf-8", "ignore") if self._max_output else ""

    def _tell_lines(self, stream: str, data: bytes) -> None:
        assert self._on_line is not None
        *lines, rest = (self._unfinished[stream] + data).split(b"\n")
        self._unfinished[stream] = rest[: MAX_LINE_CHARACTERS + self._margin]
        if not data and rest:
            lines, self._unfinished[stream] = [rest], b""
        for line in lines:
            self._on_line(self._shown_line(line))

    def _shown_line(self, line: bytes) -> str:
        is_long = len(line) > MAX_LINE_CHARACTERS
        data = line[: MAX_LINE_CHARACTERS + self._margin] if is_long else line.removesuffix(b"\r")
        text = self._redact(data.decode("utf-8", "replace"))
        return f"{text[: max(0, len(text) - self._margin)]}…" if is_long else text


class _Tail:
    """The last bytes of a stream."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self.size = 0
        """Bytes that came in all."""

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._held += len(data)
        self._chunks.append(data)
        while self._held - len(self._chunks[0]) >= self._keep:
            self._held -= len(self._chunks.popleft())

    @property
    def was_cut(self) -> bool:
        return self.size > self._keep

    @property
    def data(self) -> bytes:
        return b"".join(self._chunks)[-self._keep :]
