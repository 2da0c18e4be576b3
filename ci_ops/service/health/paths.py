"""Paths of the health routes in this process, for limits, logs and metrics."""

from __future__ import annotations

VERSION_PATH = "/__version__"


class HealthPaths:
    """Root paths of health routes; each includes the paths below it."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths

    def add(self, *paths: str) -> None:
        """Add root paths."""
        self.paths = tuple(dict.fromkeys((*self.paths, *paths)))

    def have(self, path: str) -> bool:
        """Return True for a root path, and for a path below one."""
        return any(path == root or path.startswith(f"{root}/") for root in self.paths)


health_paths = HealthPaths(("/health", VERSION_PATH))
"""The paths of every HealthRoutes that was created."""
