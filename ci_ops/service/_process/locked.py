"""A lock for threads that a forked child does not inherit locked."""

from __future__ import annotations

import threading

from ci_ops.service._process.forks import tell_after_fork


class Locked:
    """Base of classes with a lock, which is a new one in every forked child.

    Re-entrant, because a garbage collection inside the arithmetic may finalize
    something that comes back here. Renewed, because a child forked while
    another thread held the lock would wait for it for ever.
    """

    _lock: threading.RLock

    def __init__(self) -> None:
        self.after_fork()
        tell_after_fork(self)

    def after_fork(self) -> None:
        """Take a new lock; called in the child, while it has a single thread."""
        self._lock = threading.RLock()
