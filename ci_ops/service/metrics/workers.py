"""Hooks for gunicorn that share metrics among workers, and the detection of workers.

In gunicorn.conf.py, instead of naming a folder in CI_OPS_METRICS_DIR:
`from ci_ops.service.metrics.workers import on_exit, on_starting`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from typing import Any

from ci_ops.service.metrics.storage import FOLDER_VARIABLE

_made: list[str] = []


def on_starting(server: Any) -> None:
    """Create a folder for the numbers of all workers, before there are any."""
    del server
    if not os.environ.get(FOLDER_VARIABLE):
        _made.append(tempfile.mkdtemp(prefix="ci-ops-metrics-"))
        os.environ[FOLDER_VARIABLE] = _made[-1]


def on_exit(server: Any) -> None:
    """Remove the folder that was created."""
    del server
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)


def is_one_of_several() -> bool:
    """Return True in one of several workers of uvicorn or gunicorn."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return True
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    worker = getattr(owner, "worker", None) or owner  # a drain holds the worker's handler back
    return getattr(getattr(worker, "cfg", None), "workers", 1) > 1
