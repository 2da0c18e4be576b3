"""Background threads that never delay the exit of the program."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ValueT = TypeVar("ValueT")


def in_background(work: Callable[[], ValueT], *, name: str) -> Future[ValueT]:
    """Start the work in a daemon thread and return its future; wait for it with a timeout.

    Not an executor: its threads are joined when the interpreter ends, also
    those that hang.
    """
    future: Future[ValueT] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, in its own thread
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
