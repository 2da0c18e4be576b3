"""Availability of a process: liveness and readiness, as the application states them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STARTING = "starting"
DRAINING = "draining"


class Availability:
    """Liveness and readiness, stated by the application.

    Liveness is broken when only a restart helps; readiness is refused while
    starting and draining. Draining lasts until the next start: no `accept`
    ends it. A process without a lifecycle is live and accepts from the start.

    `drain_file` drains every process of a host at once, without a signal: while
    the file exists, readiness is refused (a `preStop` hook creates it).
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
        """Refuse traffic until `accept`: the process is starting."""
        self._draining = False
        self._refusal = STARTING

    def accept(self) -> None:
        """Accept traffic, unless draining has begun."""
        self._refusal = ""

    def refuse(self, reason: str) -> None:
        """Refuse traffic for now."""
        self._refusal = reason

    def drain(self) -> None:
        """Refuse traffic until the next start: the process is about to stop."""
        self._draining = True

    def condemn(self, reason: str) -> None:
        """Break liveness: only a restart helps from now on."""
        self._broken = reason

    @property
    def is_draining(self) -> bool:
        """True once the process, or its host by the drain file, drains."""
        return self._draining or (self.drain_file is not None and self.drain_file.exists())

    @property
    def broken(self) -> str:
        """Reason why liveness is broken; empty while it is not."""
        return self._broken

    @property
    def refusal(self) -> str:
        """Reason why traffic is refused; empty while it is accepted."""
        return DRAINING if self.is_draining else self._refusal or self._broken
