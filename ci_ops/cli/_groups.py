"""Drivers that a command needs beside the core, installed before the first change."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
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
    spec = spec_from_file_location("ci_ops_bootstrap", path)
    if spec is None or spec.loader is None:
        raise CiOpsError("the bootstrap is gone", reason="setup-failed", where=path)
    bootstrap = module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    try:
        bootstrap.ensure(wanted)
    except bootstrap.SetupFailed as failure:
        raise CiOpsError(str(failure), reason="setup-failed", where=", ".join(wanted)) from failure
