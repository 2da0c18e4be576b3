"""State that a forked child must reset: locks, threads, connections of the parent."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """An object that does not survive a fork as it is."""

    def after_fork(self) -> None:
        """Start over; called in the child, while it has a single thread."""
        ...


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()


def tell_after_fork(thing: Forkable) -> None:
    """Call its `after_fork` in every child forked while it lives."""
    _known.add(thing)


def _tell_all() -> None:
    for thing in tuple(_known):
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # there is no fork elsewhere
    os.register_at_fork(after_in_child=_tell_all)
