"""The journals of a store by their file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import is_deployment_id

if TYPE_CHECKING:
    from ci_ops.core.ports.store import Store

SUFFIX = ".journal.jsonl"


def journaled(store: Store) -> tuple[str, ...]:
    """Return the ids of the deployments that have a journal, oldest first; other names are none of ours."""
    names = (name.removesuffix(SUFFIX) for name in store.names(SUFFIX))
    return tuple(name for name in names if is_deployment_id(name))
