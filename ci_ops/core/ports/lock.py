"""A claim on an environment, held while it is changed."""

from __future__ import annotations

from typing import Protocol


class Lock(Protocol):
    """A claim on an environment; a distributed lease has the same doors."""

    def check(self) -> None:
        """Raise LockHeld when the claim is no longer ours.

        Called before each change.
        """
        ...

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        ...
