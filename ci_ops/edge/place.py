"""This machine as a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from ci_ops.core.ports.process import Process
    from ci_ops.core.ports.world import Env


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """The machine that runs ci-ops, with the ports of its world."""

    _world: RealWorld

    @property
    def env(self) -> Env:
        """The world's own."""
        return self._world.env

    @property
    def process(self) -> Process:
        """The world's own."""
        return self._world.process
