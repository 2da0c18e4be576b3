"""Another target, with other fields."""

from __future__ import annotations

from dataclasses import dataclass

from ci_ops.core.plugin import Target


@dataclass(frozen=True, kw_only=True)
class Other(Target):
    """Puts it elsewhere."""

    host: str = "localhost"
