"""Logged operations: one id on all lines, and the outcome at the end."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any, Self

from ci_ops.service.logs.context import Frame, current_fields, frame, push_context
from ci_ops.service.logs.record import EventType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


def outcome_of_error(kind: type[BaseException] | None) -> str:
    """Return the outcome of a block: `success`, `failure`, or `cancelled` where it was stopped."""
    if kind is None:
        return "success"
    return "failure" if issubclass(kind, Exception) else "cancelled"


class Operation:
    """One run of an operation, made by `StructuredLogger.operation` and used once.

    Operations within it name it as their parent. An exception is named, not
    shown: its handler logs its traceback, once.
    """

    def __init__(
        self, log_event: Callable[..., None], name: str, fields: dict[str, Any], *, level: int
    ) -> None:
        self.id = os.urandom(8).hex()
        self.duration_seconds: float | None = None
        """How long it took; None until it has ended."""
        self._log_event = log_event
        self._name = name
        self._fields = fields
        self._level = level
        self._before: Frame | None = None
        self._started = 0.0

    def __enter__(self) -> Self:
        self._before = frame.get()
        parent = current_fields().get("operation_id")
        parents = {} if parent is None else {"parent_operation_id": parent}
        push_context(**{**self._fields, **parents, "operation": self._name, "operation_id": self.id})
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.duration_seconds = time.perf_counter() - self._started
        outcome = outcome_of_error(kind)
        fields: dict[str, Any] = {"outcome": outcome, "duration_seconds": round(self.duration_seconds, 6)}
        if kind is not None:
            fields["error"] = kind.__name__
        self._log_event(
            EventType.PERFORMANCE_EVENT,
            "operation_ended",
            f"{self._name}: {outcome} after {self.duration_seconds:.3f} s",
            level=max(self._level, logging.WARNING) if outcome == "failure" else self._level,
            fields=fields,
        )
        frame.set(self._before)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, trace)
