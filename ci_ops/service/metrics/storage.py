"""Which kind of cells the environment asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.service.metrics.cells import OwnMemory

if TYPE_CHECKING:
    from ci_ops.service.metrics.cells import Storage

FOLDER_VARIABLE = "CI_OPS_METRICS_DIR"
"""Names a folder on this host, empty or of ours, where all workers of one server keep their numbers."""


def storage_from_environment() -> Storage:
    """Where this process counts.

    In shared files where CI_OPS_METRICS_DIR names a folder, else in memory.
    """
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder:
        return OwnMemory()
    from ci_ops.service.metrics.shared import SharedFiles  # noqa: PLC0415 - one process needs neither mmap nor locks

    return SharedFiles(Path(folder))
