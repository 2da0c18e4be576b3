"""The mark that names a service beside its releases, so that no other one is deployed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError
from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.store import Store

_MARK = "service"
_SHOWN_CHARACTERS = 100


def require_owner(store: Store, service: str, folder: Path) -> None:
    """Raise UsageError where the mark in that folder names another service.

    Two services in one folder would share ledger, lock and link, and delete each other's releases.
    """
    owner = one_line(store.read(_MARK) or "")
    if owner not in {"", service}:
        raise UsageError(
            f"these are the releases of the service {owner[:_SHOWN_CHARACTERS]!r}, not of {service!r}",
            where=str(folder.parent),
            hint=f"Give every service a `path` of its own; where this one was renamed, delete {folder / _MARK}.",
        )


def mark_owner(store: Store, service: str) -> None:
    """Write the mark, which the first deployment does."""
    if store.read(_MARK) is None:
        store.write(_MARK, f"{service}\n")
