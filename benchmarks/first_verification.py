"""A first verification of a good release, from start to end, beside the commit before.

`CI_OPS_BEFORE` names another commit to compare with, such as the last release.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import ROOT, bare_environment, in_turns, seconds_of
from benchmarks._row import CannotMeasure, Row, at_most
from tests.support.web import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.web import Asked

ROUNDS = 15
NOISE = 1.1
"""Two runs of the same program differ by so much on a quiet machine."""
REVISION = "1" * 40


def measure() -> Iterator[Row]:
    """The whole command with the revision on fresh connections, health and pages."""
    with TemporaryDirectory() as folder, serving(_answer) as service:
        place = Path(folder)
        before = _checked_out(os.environ.get("CI_OPS_BEFORE", "HEAD~1"), place / "before")
        command = [sys.executable, "-m", "ci_ops", "verify", "--url", service.url(), "--revision", REVISION]
        ours, theirs = in_turns(
            ROUNDS,
            *(
                partial(seconds_of, command, env=bare_environment(place, PYTHONPATH=str(tree)), cwd=place)
                for tree in (ROOT, before)
            ),
        )
    yield at_most("first good verification", ours, theirs * NOISE, peer="the commit before", theirs=theirs)


def _answer(asked: Asked) -> Reply:
    body = f'{{"commit": "{REVISION}"}}' if asked.path.startswith("/__version__") else '{"status": "pass"}'
    return Reply(body=body.encode(), headers={"Content-Type": "application/json"})


def _checked_out(commit: str, folder: Path) -> Path:
    """The tree of that commit; a place of its own, so that nothing here is touched."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "archive", commit, "ci_ops", "templates"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        raise CannotMeasure(f"there is no commit {commit} here: fetch more than the last one")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder
