"""A target."""

from __future__ import annotations

from dataclasses import dataclass

from ci_ops.core.fields import Shell
from ci_ops.core.plugin import Target


@dataclass(frozen=True, kw_only=True)
class Place(Target):
    """Puts it somewhere."""

    path: str
    """Where."""
    run: Shell = ""
