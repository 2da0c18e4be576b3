"""Records, worlds and executors for tests of steps and flows."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import Executor
from ci_ops.core.delivery.journal import Journal, Mark, open_journal
from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.delivery.step import Step, StepResult, Steps
from ci_ops.core.delivery.steps.command import Command
from ci_ops.edge.store import LocalStore
from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ci_ops.core.report import StepOutcome

OLD = "1" * 40
NEW = "2" * 40


def a_record(**more: object) -> DeploymentRecord:
    """A planned deployment of NEW over OLD."""
    values: dict[str, object] = {
        "id": "20261122T080000Z-2222222",
        "service": "shop",
        "environment": "production",
        "revision": NEW,
        "previous": "20261121T080000Z-1111111",
        "previous_revision": OLD,
        "started_at": datetime(2026, 11, 22, 8, tzinfo=UTC),
    }
    return DeploymentRecord(**{**values, **more})  # type: ignore[arg-type]


def a_world(**env: str) -> RealWorld:
    """The real world with a clean environment."""
    return RealWorld(env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env})


def listed(steps: Iterable[Step]) -> Steps:
    """A generator over steps that needs no answers."""
    for step in steps:
        answer = yield step
        assert answer.ok


def shell(key: str, run: str, **more: object) -> Command:
    """A changing step that may stand as it is."""
    values: dict[str, object] = {"title": f"do {key}", "no_undo": "a test", **more}
    return Command(key=key, run=run, **values)  # type: ignore[arg-type]


def begin_step(journal: Journal, step: Step) -> None:
    """Journal that a deployment has begun the step, as a run that was killed in it leaves it."""
    journal.plan(f"deploy/{step.key}", step)
    journal.mark(Mark.STARTED, f"deploy/{step.key}")


class Bench:
    """A folder with a journal, and executors over it: each is one run of a program."""

    def __init__(
        self, folder: Path, *, world: RealWorld | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.world = world or a_world()
        self.env = dict(env or {})
        self.store = LocalStore(folder / "state")
        self.record = a_record()
        self.changes = 0
        self.told: list[StepOutcome] = []

    def journal(self) -> Journal:
        """The journal as it is on the disk now; begun if it is new."""
        journal = open_journal(self.store, self.world.clock, self.record.id)
        if journal.record is None:
            journal.begin(self.record, owner="test")
        return journal

    def executor(self, journal: Journal | None = None) -> Executor:
        """A fresh executor, as a new process would make it."""

        def count() -> None:
            self.changes += 1

        return Executor(
            world=self.world,
            journal=journal or self.journal(),
            root=self.folder,
            env=self.env,
            guard=lambda: None,
            before_change=count,
            on_step=self.told.append,
        )

    def file(self, name: str) -> str:
        """The text of a file in the folder; empty when there is none."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""


def answers(steps: Steps, *results: StepResult) -> list[Step]:
    """The steps that come out when these results, then successes, go in."""
    given = list(results)
    out: list[Step] = []
    try:
        step = next(steps)
        while True:
            out.append(step)
            step = steps.send(given.pop(0) if given else StepResult(ok=True, code=0))
    except StopIteration:
        return out
