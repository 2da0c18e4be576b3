"""Generations of workers behind one socket: whether another worker replaces this one.

A reload in place stops workers while the server goes on: it is no reason to
leave the rotation. Only the master knows that it reloads, so it writes that
to memory which it shares with every worker it has forked.
"""

from __future__ import annotations

import mmap
import struct

_FORM = struct.Struct("=Q")


class Generations:
    """Counts reloads; a process belongs to the generation it was forked in."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _FORM.size)  # anonymous: seen by this process and its children alone
        self._own = 0  # not shared: a child keeps the number of the moment it was forked

    def begin(self) -> None:
        """Note, in the master, that the current workers will be replaced."""
        self._own += 1
        _FORM.pack_into(self._shared, 0, self._own)

    @property
    def is_replaced(self) -> bool:
        """True in a process that a later reload replaces."""
        (latest,) = _FORM.unpack_from(self._shared, 0)
        return bool(self._own < latest)


generations = Generations()
"""Those of this process and its relatives."""
