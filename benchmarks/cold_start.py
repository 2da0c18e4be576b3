"""Cold start of the verify action on an empty machine, beside venv and pip.

From `bash start.sh verify` to the end of its help text: packages fetched,
unpacked and imported. The peer only installs the same packages.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._mirror import LOCK, mirrored
from benchmarks._programs import (
    PYTHON,
    START,
    action_environment,
    bare_environment,
    in_turns,
    seconds_of,
)
from benchmarks._row import Row, at_most, times_faster
from tests.support.parts import find

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
PEER = "venv + pip install"
PIPS_OWN_WORK = {"PIP_TRUSTED_HOST": "127.0.0.1"}
"""A setting that our own way of fetching leaves to uv and pip."""


def measure() -> Iterator[Row]:
    """Our three ways of fetching packages, and the usual one."""
    uv = find("uv")
    with mirrored() as variables, TemporaryDirectory() as folder:
        ways = [partial(venv_and_pip, variables), partial(action, variables)]
        ways.append(partial(action, variables | PIPS_OWN_WORK))
        if uv:
            beside = Path(folder) / "uv"
            beside.symlink_to(uv)
            path = os.pathsep.join([folder, os.defpath])
            ways.append(partial(action, variables | {"PATH": path, "UV_HTTP_RETRIES": "2"}))
        usual, *ours = in_turns(ROUNDS, *ways)
    yield times_faster("cold start", ours[0], 5, peer=PEER, theirs=usual)
    yield at_most("cold start, packages by pip", ours[1], 2.5, peer=PEER, theirs=usual)
    if uv:
        yield times_faster("cold start, packages by uv", ours[2], 5, peer=PEER, theirs=usual)


def venv_and_pip(variables: dict[str, str]) -> float:
    """What most actions written in Python do."""
    with TemporaryDirectory() as folder:
        env = bare_environment(Path(folder), **variables)
        seconds = seconds_of([PYTHON, "-m", "venv", f"{folder}/venv"], env=env)
        install = f"{folder}/venv/bin/python -m pip install --quiet --require-hashes --no-deps -r"
        return seconds + seconds_of([*install.split(), LOCK], env=env)


def action(variables: dict[str, str]) -> float:
    """The first step of a job that uses ours."""
    with TemporaryDirectory() as folder:
        env = action_environment(Path(folder), **variables)
        return seconds_of(["bash", START, "verify", "--help"], env=env)
