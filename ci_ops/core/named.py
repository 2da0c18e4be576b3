"""A plugin in the configuration, with its name and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ci_ops.core.plugin import Channel, Check, Plugin, Target
from ci_ops.core.result import Location

PluginT_co = TypeVar("PluginT_co", bound=Plugin, covariant=True)


@dataclass(
    frozen=True, kw_only=True
)  # no slots: a frozen generic with slots cannot be made as Named[Check](…)
class Named(Generic[PluginT_co]):
    """One plugin with its settings, and the switches around them."""

    name: str
    """The configuration's key; the plugin's own name where there is no key."""
    plugin: PluginT_co
    location: Location | None = field(default=None, compare=False)
    """The line that declares it; None when no file does."""
    enabled: bool = True
    required: bool = True
    """False for a check whose result does not stand in the way."""


NamedCheck = Named[Check]
NamedTarget = Named[Target]
NamedChannel = Named[Channel]
