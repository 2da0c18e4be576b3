"""This machine as a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.lease import Lease
    from ci_ops.core.ports.process import Process
    from ci_ops.core.ports.store import Store
    from ci_ops.core.ports.world import Env


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """The machine that runs ci-ops, with the ports of its world."""

    _world: RealWorld

    @property
    def env(self) -> Env:
        """The environment of the world."""
        return self._world.env

    @property
    def process(self) -> Process:
        """The processes of the world."""
        return self._world.process

    def has_folder(self, path: Path) -> bool:
        """Return True if that folder exists."""
        return path.is_dir()

    def store(self, directory: Path, root: Path | None = None) -> Store:
        """Return the store in that folder; all folders up to the root must be owned by this user."""
        from ci_ops.edge.store import LocalStore  # noqa: PLC0415 - each port loads when it is used

        return LocalStore(directory, root)

    def lease(self, directory: Path, root: Path | None = None) -> Lease:
        """Return the lease of the environment whose state is in that folder."""
        from ci_ops.edge.lease import FileLease  # noqa: PLC0415 - each port loads when it is used

        return FileLease(directory, self._world.clock.sleep, root)
