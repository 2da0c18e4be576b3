"""The channel for an address that a user typed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.core.plugin import Channel


def channel_at(address: str, kinds: Iterable[type[Channel]]) -> Channel | None:
    """Return the channel for the address; a specific one takes precedence over a general one."""
    for kind in sorted(kinds, key=lambda each: (each.is_general, each.plugin_name())):
        with suppress(ValueError):  # it looks like one, and can never be used
            found = kind.recognise(address.strip())
            if found is not None:
                return found
    return None
