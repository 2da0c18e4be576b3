"""The exclusive right to change one environment of a service, held by one run at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who holds a lease, and for what; every text is empty where it is unknown."""

    since: datetime
    name: str = ""
    why: str = ""
    """What is being done, as the end of a sentence such as `deploy 1a2b3c4`."""
    run_url: str = ""


class HeldLease(Protocol):
    """A lease in the hands of one run, until it is released, lost or its process ends."""

    @property
    def token(self) -> int:
        """The fencing token: greater than that of every earlier holder."""
        ...

    @property
    def renew_seconds(self) -> float:
        """How often it has to be renewed."""
        ...

    def renew(self) -> None:
        """Show that the holder lives. Raises LockHeld when the lease is lost."""
        ...

    def check(self) -> None:
        """Raise LockHeld when the lease is lost; called before each change."""
        ...

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        ...


class Lease(Protocol):
    """The lease of one environment, wherever its state is kept."""

    def acquire(self, holder: Holder) -> HeldLease:
        """Return the held lease; raise LockHeld with its holder, since when, why and what frees it."""
        ...
