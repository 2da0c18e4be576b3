"""What the executor costs a step, its journal on the disk included.

The peer runs the same commands through the same Process port, without plan,
journal and lock.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import ROOT
from benchmarks._row import Row, at_most
from ci_ops.core.delivery.execute import Executor
from ci_ops.core.delivery.journal import open_journal
from ci_ops.core.delivery.steps.command import Command
from ci_ops.core.ports.lease import Holder
from ci_ops.core.ports.place import LOCAL
from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.delivery.step import Steps

STEPS, ROUNDS = 10, 31
COMMAND = ":"


def measure() -> Iterator[Row]:
    """Overhead per step: the difference between both; beside it three bare lines with fsync."""
    world = RealWorld(env={"PATH": os.defpath})
    rounds = [(run_steps(world), run_bare(world), sync_lines()) for _ in range(ROUNDS)]
    overhead = median(with_all - without for with_all, without, _ in rounds)
    synced = median(each for *_, each in rounds)
    yield at_most(
        "executor, overhead per step",
        overhead / STEPS,
        0.005,
        peer="3 lines with fsync",
        theirs=synced / STEPS,
    )


def run_steps(world: RealWorld) -> float:
    """So many steps, as a deployment runs them."""
    with TemporaryDirectory(dir=_disk()) as folder:
        place = world.at(LOCAL)
        store = place.store(Path(folder))
        lease = place.lease(Path(folder)).acquire(Holder(name="benchmark", since=datetime.now(UTC)))
        executor = Executor(
            world=world,
            journal=open_journal(store, world.clock, "benchmark"),
            root=Path(folder),
            env={},
            guard=lease.check,
            before_change=lambda: None,
        )
        started = time.perf_counter()
        execution = executor.run(_steps())
        seconds = time.perf_counter() - started
        lease.release()
    assert execution.failed is None, execution.failed
    assert len(execution.outcomes) == STEPS
    return seconds


def run_bare(world: RealWorld) -> float:
    """The same commands by themselves."""
    with TemporaryDirectory(dir=_disk()) as folder:
        started = time.perf_counter()
        for _ in range(STEPS):
            done = world.process.run(COMMAND, timeout_seconds=60.0, env=world.env, directory=Path(folder))
            assert done.exit_code == 0, done.output
        return time.perf_counter() - started


def sync_lines() -> float:
    """What the disk alone takes for a journal's three lines a step."""
    with TemporaryDirectory(dir=_disk()) as folder, (Path(folder) / "lines").open("ab", 0) as file:
        started = time.perf_counter()
        for _ in range(STEPS * 3):
            file.write(b"{}\n" * 100)
            os.fsync(file.fileno())
        return time.perf_counter() - started


def _steps() -> Steps:
    for number in range(STEPS):
        yield Command(
            title=f"step {number}", key=f"step-{number}", run=COMMAND, undo=None, no_undo="nothing to undo"
        )


def _disk() -> Path:
    """A folder on a real disk: what /tmp is on some machines knows no fsync."""
    folder = ROOT / ".parts"
    folder.mkdir(exist_ok=True)
    return folder
