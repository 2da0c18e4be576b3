"""Background threads that never delay the exit of the program."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@contextmanager
def running_beside(work: Callable[[threading.Event], None], *, name: str) -> Iterator[None]:
    """Run the work in a thread while this is open; it ends when its event is set, and is waited for."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
