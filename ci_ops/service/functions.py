"""What kind of function somebody hands us, so that it is wrapped in kind."""

from __future__ import annotations

import inspect
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(Enum):
    """How a function has to be run."""

    PLAIN = auto()
    ASYNC = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()

    @property
    def is_iterated(self) -> bool:
        """True when its results come one by one."""
        return self in {Kind.GENERATOR, Kind.ASYNC_GENERATOR}


def kind_of(function: Callable[..., Any]) -> Kind:
    """The kind of anything that can be called.

    A function, a method, a partial or an object.
    """
    own_call = None if inspect.isroutine(function) else type(function).__call__
    for candidate in (function, own_call):
        if inspect.iscoroutinefunction(candidate):
            return Kind.ASYNC
        if inspect.isgeneratorfunction(candidate):
            return Kind.GENERATOR
        if inspect.isasyncgenfunction(candidate):
            return Kind.ASYNC_GENERATOR
    return Kind.PLAIN
