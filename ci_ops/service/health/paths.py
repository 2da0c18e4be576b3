"""Where the health routes of this process are.

For the parts that treat them in another way.
"""

from __future__ import annotations

VERSION_PATH = "/__version__"


class HealthPaths:
    """Paths of health routes, each with all below it."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.paths = paths

    def add(self, *paths: str) -> None:
        """Know these too."""
        self.paths = tuple(dict.fromkeys((*self.paths, *paths)))

    def have(self, path: str) -> bool:
        """True for one of the paths, and for what lies below it."""
        return any(path == root or path.startswith(f"{root}/") for root in self.paths)


health_paths = HealthPaths(("/health", VERSION_PATH))
"""Those of the routes that were made, wherever their prefix is."""
