"""The port of stop requests."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """Stop requests from signals to this process."""

    @property
    def requested(self) -> int:
        """The number of the signal; 0 for none."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a request with a timeout; return True when there is one."""
        ...

    def check(self) -> None:
        """Raise Interrupted when there is a request."""
        ...
