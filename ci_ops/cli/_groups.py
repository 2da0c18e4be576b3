"""Drivers that a command needs beside the core, installed before the first change."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from ci_ops.core.errors import CiOpsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BOOTSTRAP = "CI_OPS_BOOTSTRAP"
"""Path of actions/bootstrap.py, set by itself; absent on a laptop, where extras are installed."""


def have_groups(groups: Iterable[str], env: Mapping[str, str]) -> None:
    """Have these lock groups importable. Raises CiOpsError (setup-failed)."""
    wanted = sorted(set(groups))
    path = env.get(BOOTSTRAP, "")
    if not wanted or not path:
        return
    bootstrap = runpy.run_path(path)  # not an import: that would write into the action's own folder
    try:
        bootstrap["ensure"](wanted)
    except bootstrap["SetupFailed"] as failure:
        raise CiOpsError(
            failure.sentence, reason="setup-failed", where=", ".join(wanted), hint=failure.hint
        ) from failure
