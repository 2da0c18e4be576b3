"""A place where commands run and state lies: this machine, or a host that is reached from it."""

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
        """What a deployment's commands see there beside its own variables: here, those that the user gave us."""
        ...

    @property
    def process(self) -> Process:
        """Programs that run there."""
        ...

    def has_folder(self, path: Path) -> bool:
        """Return True where there is a folder of that path."""
        ...

    def store(self, directory: Path, root: Path | None = None) -> Store:
        """Return the store in that folder, below the root up to which all folders have to be ours."""
        ...

    def lease(self, directory: Path, root: Path | None = None) -> Lease:
        """Return the lease of the environment whose state lies in that folder."""
        ...
