"""JsonFormatter: log records as one JSON object per line.

It fits any handler and any record, those of libraries included. Events of the
kit and the application carry their fields beside the message.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from ci_ops.service.logs.context import current_fields
from ci_ops.service.logs.ecs import ecs_line
from ci_ops.service.logs.encode import encode_fields, encode_text, quote
from ci_ops.service.logs.record_parts import exception_of, message_of

MAX_LINE_LENGTH = 65_536
"""A longer line is written again without its fields."""

MAX_HEADS = 1024

CONTEXT_ATTRIBUTE = "ci_ops_context"
_OURS = {"event", "event_type", "fields", CONTEXT_ATTRIBUTE}
_AGAIN = "color_message"
"""Under this name uvicorn repeats the message with terminal escapes."""
STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", _AGAIN, *_OURS}
"""Attributes that any record may have; what else a record has came by `extra`."""

_MILLISECONDS = tuple(f".{number:03d}Z" for number in range(1000))

MoreFields = Callable[[], Mapping[str, Any]]


class ContextFilter(logging.Filter):
    """Stores the context on each record, for handlers that format in another thread."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        setattr(record, CONTEXT_ATTRIBUTE, current_fields())
        return True


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line, ASCII throughout.

    `static` is on every line (service, version, environment); `more` is called
    for each line, for example for the ids of a tracing library. With `ecs=True`
    the names are those of the Elastic Common Schema.
    """

    def __init__(
        self, *, static: Mapping[str, Any] | None = None, more: MoreFields | None = None, ecs: bool = False
    ) -> None:
        super().__init__()
        self._static = dict(static or {})
        self._more = more
        self._ecs = ecs
        self._tail = f",{encode_fields(self._static)}" if self._static else ""
        self._second = (-1, "")
        self._heads: dict[tuple[str, str, str | None, str | None], str] = {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record; every record has one."""
        try:
            line = self._line(record, self._fields(record))
            if len(line) > MAX_LINE_LENGTH:
                line = self._line(record, {"left_out_characters": len(line)})
        except Exception as error:  # noqa: BLE001 - a line that says less is better than none
            said = f"(unprintable record: {type(error).__name__})"
            return f'{{"time":"{self._time(record.created)}","level":"error","message":{quote(said)}}}'
        return line

    def _line(self, record: logging.LogRecord, fields: Mapping[str, Any]) -> str:
        at = self._time(record.created)
        if self._ecs:
            return ecs_line(at, record, {**fields, **self._static})
        head, message = self._head(record), encode_text(message_of(record))
        told = f",{encode_fields(fields)}" if fields else ""
        exception = exception_of(record)
        if exception is not None:
            kind, text, stack = exception
            told = f',"exception":{{"type":{quote(kind)},"text":{encode_text(text)},"stack":{stack}}}{told}'
        return f'{{"time":"{at}",{head},"message":{message}{told}{self._tail}}}'

    def _fields(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """Return context, then the record's own fields; none under a reserved name."""
        own = record.__dict__
        fields: Mapping[str, Any] = own.get("fields") or {}
        if "fields" not in own:
            fields = {name: value for name, value in own.items() if name not in STANDARD}
        context = own.get(CONTEXT_ATTRIBUTE)
        context = current_fields() if context is None else context
        if self._more is not None:
            context = {**context, **self._more()}
        if context:
            fields = {**context, **fields}
        if self._static.keys().isdisjoint(fields):
            return fields
        return {f"{name}_" if name in self._static else name: value for name, value in fields.items()}

    def _time(self, created: float) -> str:
        """Return RFC 3339 in UTC with milliseconds; the part before the dot is cached for a second."""
        second, shown = self._second
        now = int(created)
        if now != second:
            shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            self._second = (now, shown)  # one assignment: threads see both or neither
        return shown + _MILLISECONDS[int((created - now) * 1000)]

    def _head(self, record: logging.LogRecord) -> str:
        """Return level, logger and event as text; a process has few combinations of them."""
        own = record.__dict__
        key = (record.levelname, record.name, own.get("event_type"), own.get("event"))
        try:
            return self._heads[key]
        except (KeyError, TypeError):
            parts = [
                f'"level":{quote(str(record.levelname).lower())},"logger":{encode_text(str(record.name))}'
            ]
        parts += [
            f'"{name}":{encode_text(str(own[name]))}' for name in ("event_type", "event") if name in own
        ]
        head = ",".join(parts)
        if len(self._heads) < MAX_HEADS and all(type(one) in {str, NoneType} for one in key):
            self._heads[key] = head
        return head
