"""The port of a place that runs commands and stores state: this machine, or a remote host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.lease import Lease
    from ci_ops.core.ports.process import Process
    from ci_ops.core.ports.store import Store
    from ci_ops.core.ports.world import Env

LOCAL = "local"
"""The name of the machine that runs ci-ops."""


class Place(Protocol):
    """The ports of one place."""

    @property
    def env(self) -> Env:
        """The environment of a deployment's commands there; on this machine, the user's."""
        ...

    @property
    def process(self) -> Process:
        """The processes of that place."""
        ...

    def has_folder(self, path: Path) -> bool:
        """Return True if that folder exists."""
        ...

    def store(self, directory: Path, root: Path | None = None) -> Store:
        """Return the store in that folder; all folders up to the root must be owned by this user."""
        ...

    def lease(self, directory: Path, root: Path | None = None) -> Lease:
        """Return the lease of the environment whose state is in that folder."""
        ...
