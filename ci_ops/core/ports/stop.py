"""Whether a signal asked this process to stop."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """Whether a signal asked us to stop."""

    @property
    def requested(self) -> int:
        """The signal's number; 0 for none."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a request at most so long; True when there is one."""
        ...

    def check(self) -> None:
        """Raise Interrupted when there is a request."""
        ...
