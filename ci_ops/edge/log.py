"""The log of the program, for debugging."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from ci_ops.core.errors import UsageError
from ci_ops.core.text.lines import console_line, encodable

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.text.redact import Redactor

LOGGER = "ci_ops"
"""Ours alone: libraries below us would write whole URLs, and those can be secrets."""


def set_up_log(
    *,
    level: str = "warning",
    format_name: Literal["text", "json"] = "text",
    file: Path | None = None,
    redact: Redactor,
) -> None:
    """Send the log of this program to a file, or to stderr; replace an earlier setup.

    Raises UsageError when the file cannot be written.
    """
    logger = logging.getLogger(LOGGER)
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    handler = _handler(file)
    is_console = file is None
    handler.setFormatter(_Json(redact) if format_name == "json" else _Text(redact, is_console=is_console))
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(sys.stderr)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(
            f"the log file cannot be written: {error.strerror}",
            where=str(file),
            hint="Name a file in a folder that you may write to.",
        ) from error


class _Text(logging.Formatter):
    """A formatter: `2026-11-22T08:00:00.123Z WARNING sentence`, with an indented traceback."""

    def __init__(self, redact: Redactor, *, is_console: bool) -> None:
        super().__init__()
        self._redact = redact
        self._is_console = is_console

    def format(self, record: logging.LogRecord) -> str:
        first = f"{_time(record)} {record.levelname} {record.getMessage()}"
        lines = [first, *(f"  {line}" for line in _traceback(self, record).splitlines())]
        text = self._redact("\n".join(lines))
        if self._is_console:
            # Whatever a message carries, a GitHub runner must not take it for a command.
            return "\n".join(f"{_indent(line)}{console_line(line)}" for line in text.splitlines())
        return encodable(text)


class _Json(logging.Formatter):
    """A formatter with one JSON object per line: at, level, logger, message, traceback."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        if traceback := _traceback(self, record):
            document["traceback"] = self._redact(traceback)
        return json.dumps(document)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    return "\n".join([*parts, *([record.stack_info] if record.stack_info else [])])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]
