"""A check for readiness alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ci_ops.core.plugin import Check, Phase


@dataclass(frozen=True, kw_only=True)
class TidyUp(Check):
    """Looks whether all is tidy."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    needs: ClassVar[str] = "broom"

    required: tuple[str, ...] = ()
    """What must be there: a field that has the name of a switch."""
