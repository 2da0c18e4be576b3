"""`ci-ops --help`, beside the interpreter doing nothing."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import ROOT, bare_environment, in_turns, seconds_of
from benchmarks._row import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 15


def measure() -> Iterator[Row]:
    """Both in this environment, with compiled modules."""
    with TemporaryDirectory() as folder:
        env = bare_environment(Path(folder))
        command = [sys.executable, "-m", "ci_ops", "--help"]
        seconds_of(command, env=env, cwd=ROOT)  # compiles what is not yet compiled
        ours, nothing = in_turns(
            ROUNDS,
            partial(seconds_of, command, env=env, cwd=ROOT),
            partial(seconds_of, [sys.executable, "-c", "pass"], env=env),
        )
    yield at_most("ci-ops --help", ours, 0.15, peer="python -c pass", theirs=nothing)
