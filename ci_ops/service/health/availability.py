"""Whether the process is alive and wants traffic.

Apart from what any check says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STARTING = "starting"
DRAINING = "draining"


class Availability:
    """Two states that the application sets itself: liveness and readiness.

    Liveness is broken when only a restart helps; readiness is refused while
    starting and draining. Draining lasts until the next start: no `accept`
    ends it. A process without a lifecycle is live and accepts from the start.

    `drain_file` is a signal-free way to drain every process of a host at once:
    while the file exists, readiness is refused (a `preStop` hook creates it).
    """

    def __init__(self, *, drain_file: Path | None = None) -> None:
        # Plain attributes, each written whole: threads need no lock here.
        self._broken = ""
        self._refusal = ""
        self._draining = False
        self.drain_file = drain_file
        self.was_probed = False
        """True once somebody has asked whether this process is ready."""

    def start(self) -> None:
        """Want no traffic yet: the process is starting."""
        self._draining = False
        self._refusal = STARTING

    def accept(self) -> None:
        """Want traffic, unless draining has begun."""
        self._refusal = ""

    def refuse(self, reason: str) -> None:
        """Want no traffic for now."""
        self._refusal = reason

    def drain(self) -> None:
        """Want no traffic any more: the process is about to end."""
        self._draining = True

    def condemn(self, reason: str) -> None:
        """Say that only a restart helps: liveness fails from now on."""
        self._broken = reason

    @property
    def is_draining(self) -> bool:
        """True once the process, or its host by the drain file, is going away."""
        return self._draining or (self.drain_file is not None and self.drain_file.exists())

    @property
    def broken(self) -> str:
        """Why liveness is broken; empty while it is correct."""
        return self._broken

    @property
    def refusal(self) -> str:
        """Why no traffic is wanted; empty while it is."""
        return DRAINING if self.is_draining else self._refusal or self._broken
