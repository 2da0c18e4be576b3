"""Lock files that the real tools wrote, shortened to names and versions."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ci_ops.checks.lockfile import Lockfile
from ci_ops.core.result import Result
from tests.support.checking import a_subject, a_world, the_result
from tests.support.parts import ROOT

LOCKS = ROOT / "tests" / "data" / "locks"


def copied(name: str, folder: Path) -> Path:
    """A copy of the sample of that name, which a test may edit."""
    return shutil.copytree(LOCKS / name, folder / name)


def edit(path: Path, changes: Iterable[tuple[str, str]]) -> None:
    """Replace texts of a file; each has to be there."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def look(root: Path, **settings: str) -> Result:
    """What the check says of the project at `root`."""
    return the_result(Lockfile(**settings), a_subject(root), a_world())
