"""The lease port: the exclusive right of one run to change an environment of a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The holder of a lease, with its purpose; every text is empty where unknown."""

    since: datetime
    name: str = ""
    why: str = ""
    """What is being done, as the end of a sentence such as `deploy 1a2b3c4`."""
    run_url: str = ""


class HeldLease(Protocol):
    """A lease held by one run, until it is released, lost or its process ends."""

    @property
    def token(self) -> int:
        """The fencing token: greater than that of every earlier holder."""
        ...

    @property
    def renew_seconds(self) -> float:
        """The interval at which it must be renewed."""
        ...

    def renew(self) -> None:
        """Show that the holder is alive. Raises LockHeld when the lease is lost."""
        ...

    def check(self) -> None:
        """Raise LockHeld when the lease is lost; called before each change."""
        ...

    def release(self) -> None:
        """Release the lease; a no-op when it is not held."""
        ...


class Lease(Protocol):
    """The lease of one environment, wherever its state is stored."""

    def acquire(self, holder: Holder) -> HeldLease:
        """Return the held lease. Raises LockHeld with its holder, since when and why, and how to free it."""
        ...
