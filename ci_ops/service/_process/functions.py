"""Kinds of functions that callers pass, and exceptions that they name."""

from __future__ import annotations

import inspect
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Judge = Callable[[Any], bool]
    ExceptionTypes = type[BaseException] | tuple[type[BaseException], ...]


def judge_of(kinds: ExceptionTypes | Judge) -> Judge:
    """Return a predicate for the exceptions that were named.

    Raises TypeError at once for what names none, and not at the first failure.
    """
    if callable(kinds) and not isinstance(kinds, type):
        return kinds
    try:
        isinstance(object(), kinds)
    except TypeError:
        raise TypeError(
            "exceptions are named by a type, a tuple of types, or a function of the exception"
        ) from None
    return lambda error: isinstance(error, kinds)


class Kind(Enum):
    """How a function has to be called."""

    PLAIN = auto()
    ASYNC = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()

    @property
    def is_iterated(self) -> bool:
        """True when it yields its results."""
        return self in {Kind.GENERATOR, Kind.ASYNC_GENERATOR}


def kind_of(function: Callable[..., Any]) -> Kind:
    """Return the kind of a callable: a function, a method, a partial or an object."""
    own_call = None if inspect.isroutine(function) else type(function).__call__
    for candidate in (function, own_call):
        if inspect.iscoroutinefunction(candidate):
            return Kind.ASYNC
        if inspect.isgeneratorfunction(candidate):
            return Kind.GENERATOR
        if inspect.isasyncgenfunction(candidate):
            return Kind.ASYNC_GENERATOR
    return Kind.PLAIN
