"""Message and exception of any log record, however odd it is."""

from __future__ import annotations

import logging

from ci_ops.service.logs.encode import encode_end

MAX_STACK_LENGTH = 8192
_FORMATTER = logging.Formatter()


def message_of(record: logging.LogRecord) -> str:
    """Return the record's message, also where its arguments do not fit."""
    if not record.args and type(record.msg) is str:
        return record.msg
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a line with the bare sentence is better than none
        return f"{record.msg!s} (its arguments do not fit)"


def exception_of(record: logging.LogRecord) -> tuple[str, str, str] | None:
    """Return type, text and traceback (a JSON string) of a record's exception; None without one.

    Of a long traceback the end is shown, where the exception was raised.
    """
    if not (record.exc_info or record.exc_text or record.stack_info):
        return None
    kind, error, _ = record.exc_info or (None, None, None)
    traceback = record.exc_text or (_FORMATTER.formatException(record.exc_info) if record.exc_info else "")
    stack = "\n".join(part for part in (traceback, record.stack_info or "") if part)
    return kind.__name__ if kind else "", _text_of(error), encode_end(stack, MAX_STACK_LENGTH)


def _text_of(error: BaseException | None) -> str:
    try:
        return "" if error is None else str(error)
    except Exception:  # noqa: BLE001 - an exception may fail at saying what it is
        return "(unprintable)"
