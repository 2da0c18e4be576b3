"""A channel that cannot do without its secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ci_ops.core.fields import Secret
from ci_ops.core.plugin import Channel


@dataclass(frozen=True, kw_only=True)
class Pager(Channel):
    """Rings."""

    needs: ClassVar[str] = "radio"

    token: Secret
    """Opens the door."""
