"""A disk of its own that can be filled to the last byte."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.parts import lack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """Mount a memory file system of that size; needs root or a sudo without password."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    folder.mkdir(parents=True)
    owner = f"size={size},uid={os.getuid()}"
    mount = [*as_root, "mount", "-t", "tmpfs", "-o", owner, "none", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        lack("tmpfs", "run the tests as root, or with a sudo that asks for no password")
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path) -> None:
    """Write until nothing more fits, not even a byte."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
