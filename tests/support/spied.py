"""Programs that write down the environment they are started with, and then do their work."""

from __future__ import annotations

import shutil
from pathlib import Path


class Spied:
    """Stand-ins for real programs, in a folder to be first on PATH."""

    def __init__(self, folder: Path, *programs: str, real: str = "") -> None:
        self.folder = folder
        folder.mkdir()
        for program in programs:
            path = real or shutil.which(program)
            assert path, f"{program} is not installed"
            script = f'#!/bin/sh\n/usr/bin/env >"{folder}/$(basename "$0").$$.env"\nexec "{path}" "$@"\n'
            (folder / program).write_text(script)
            (folder / program).chmod(0o755)

    def seen(self, program: str) -> list[dict[str, str]]:
        """The environment of each start of that program."""
        files = sorted(self.folder.glob(f"{program}.*.env"))
        lines = (file.read_text().splitlines() for file in files)
        return [dict(line.partition("=")[::2] for line in each) for each in lines]
