"""Drain every process of this host by a file.

For a `preStop` hook:

    CI_OPS_DRAIN_FILE=/run/shop/draining python -m ci_ops.service.drain_file

Creates the file, which makes every process with a lifecycle refuse readiness,
and returns when the drain time is over. For servers whose SIGTERM cannot be
held back, such as hypercorn's own command. The file stays: remove it before
the server starts again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from ci_ops.service.lifecycle.drain_plan import DRAIN_VARIABLE, DrainPlan

FILE_VARIABLE = "CI_OPS_DRAIN_FILE"


def drain_file_from_environment() -> Path | None:
    """Return the file in CI_OPS_DRAIN_FILE; None without it."""
    named = os.environ.get(FILE_VARIABLE, "")
    return Path(named) if named else None


def seconds_since(path: Path | None) -> float:
    """Return the age of the file; 0 without one."""
    try:
        return 0.0 if path is None else max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return 0.0


def main(arguments: list[str]) -> int:
    """Create the file and wait; returns 1 where it cannot be created, 2 for a wrong call."""
    path, plan = drain_file_from_environment(), DrainPlan()
    problem = "" if path else f"{FILE_VARIABLE} names no file"
    problem = "it takes no arguments" if arguments else problem or plan.fault
    if path is None or problem:
        print(f"error: {problem}; {FILE_VARIABLE} and {DRAIN_VARIABLE} say what to do", file=sys.stderr)  # noqa: T201 - a command
        return 2
    try:
        path.touch()
    except OSError as error:
        print(f"error: {path} cannot be created: {error.strerror}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    threading.Event().wait(plan.serve_on_seconds(was_probed=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
