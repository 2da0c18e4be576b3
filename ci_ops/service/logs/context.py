"""Fields of a request or an operation, as a stack that every log line shows.

Each task and each thread has its own stack: it is kept in a ContextVar.
Threads that a thread pool of your own starts begin with an empty one;
`asyncio.to_thread` and the thread pools of ASGI frameworks carry it along.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Frame:
    """One layer of the stack, with the layers below it."""

    is_ground = False
    """True for the lowest frame of a request, which nobody takes off."""
    outer: Frame | None = None
    carried: Mapping[str, str] = NOTHING
    """Headers that came with the request and go on to other services."""
    nonce = ""
    """What scripts of the page have to carry; see `csp_nonce`."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def above(self, fields: Mapping[str, Any]) -> Frame:
        """Return a frame that adds fields to this one."""
        upper = Frame({**self.fields, **fields})
        upper.outer = self
        upper.carried = self.carried
        return upper


frame: ContextVar[Frame | None] = ContextVar("ci_ops_log_frame", default=None)
"""The top of the stack; None while nothing is on it."""


def current_fields() -> Mapping[str, Any]:
    """Return every field on the stack; upper layers win."""
    top = frame.get()
    return NOTHING if top is None else top.fields


def current_request_id() -> str:
    """Return the id of the current request; empty outside of requests."""
    return str(current_fields().get("request_id", ""))


def push_context(**fields: Any) -> None:
    """Add fields to every following line, until `pop_context`."""
    top = frame.get()
    frame.set(Frame(fields) if top is None else top.above(fields))


def pop_context() -> None:
    """Remove the fields that were pushed last. Raises LookupError without any."""
    top = frame.get()
    if top is None or top.is_ground:
        raise LookupError("the log context is empty: there was no push_context")
    frame.set(top.outer)


class LogContext:
    """Fields on every line of a block, made by `log_context`."""

    __slots__ = ("_before", "_fields")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self._before: Frame | None = None

    def __enter__(self) -> None:
        self._before = frame.get()
        push_context(**self._fields)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        # Not by a token: a generator may be closed in another context than it was begun in.
        frame.set(self._before)


def log_context(**fields: Any) -> LogContext:
    """Add fields to every line of a `with` block."""
    return LogContext(fields)
