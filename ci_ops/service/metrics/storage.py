"""Storage of the numbers, as the environment selects it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.service.metrics.cells import OwnMemory

if TYPE_CHECKING:
    from ci_ops.service.metrics.cells import Storage

FOLDER_VARIABLE = "CI_OPS_METRICS_DIR"
"""Folder on this host, empty or ours, in which all workers of one server keep their numbers."""


def storage_from_environment() -> Storage:
    """Return shared files where CI_OPS_METRICS_DIR names a folder, else memory."""
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder:
        return OwnMemory()
    from ci_ops.service.metrics.shared import SharedFiles  # noqa: PLC0415 - one process needs neither mmap nor locks

    return SharedFiles(Path(folder))
