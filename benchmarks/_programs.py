"""Programs measured from outside: how long until they end, or until their first word."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
START = ROOT / "actions" / "start.sh"
PYTHON = getattr(sys, "_base_executable", sys.executable)
"""The machine's interpreter, as an action finds it; not the one of this environment."""


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """What a fresh machine has: a PATH, an empty home, and what is given."""
    return {"PATH": os.defpath, "HOME": str(home), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}


def action_environment(folder: Path, **more: str) -> dict[str, str]:
    """What a runner gives to a step, with an empty home and temporary folder."""
    temp = folder / "temp"
    temp.mkdir(exist_ok=True)
    own = {"RUNNER_TEMP": str(temp), "GITHUB_ACTIONS": "true", "CI_OPS_PYTHON": PYTHON}
    return bare_environment(folder, **own, **more)


def seconds_of(command: Sequence[object], *, env: Mapping[str, str], cwd: Path | None = None) -> float:
    """From start to end; a program that fails ends the benchmark."""
    started = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout.decode()[-4000:]}")
    return seconds


def seconds_to_first_word(command: Sequence[object], *, env: Mapping[str, str], cwd: Path) -> float:
    """From start to the first byte on stdout or stderr."""
    started = time.perf_counter()
    with subprocess.Popen(
        list(map(str, command)),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as child:
        assert child.stdout is not None
        first = child.stdout.read(1)
        seconds = time.perf_counter() - started
        child.stdout.read()
    if not first:
        raise RuntimeError(f"{command[0]} said nothing")
    return seconds


def in_turns(rounds: int, *ways: Callable[[], float]) -> list[float]:
    """The median of each way, measured in turns, so that a busy machine slows all alike."""
    measured = [[way() for way in ways] for _ in itertools.repeat(None, rounds)]
    return [statistics.median(each) for each in zip(*measured, strict=True)]
