"""Journals as an earlier version wrote them: schema 1 had no scopes and no kinds."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.journal import Mark, open_journal
from ci_ops.core.delivery.steps.request import Request
from ci_ops.core.delivery.steps.wait import Wait
from ci_ops.core.report import StepState
from tests.support.deployments import Bench, a_world, listed, shell
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.delivery.step import Step

WRITTEN = ROOT / "tests/data/journals"
ROLLBACK_ID = "20261122T090000Z-1111111"

STEPS: list[Step] = [
    shell("ask", "echo found", changes=False),
    shell("one", "echo one >> log", undo=shell("one-back", "echo one-back >> log"), probe="test -e one"),
    Wait(title="wait", key="wait", run="true", deadline_seconds=5.0),
    Request(
        title="post",
        key="post",
        method="POST",
        url="http://127.0.0.1:1/hook",
        headers={"X-Token": "${TOKEN}"},
        no_undo="a test",
    ),
]
"""What the deployment of the sample ran; the last one failed, since TOKEN was not set."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    shutil.copytree(WRITTEN, tmp_path / "state")
    return Bench(tmp_path, world=a_world(TOKEN="given"))


def test_it_is_read_with_the_kind_and_the_scope_of_today(bench: Bench) -> None:
    journal = bench.journal()
    assert (journal.kind, journal.record) == ("deploy", bench.record)
    assert [entry.key for entry in journal.entries] == [f"deploy/{step.key}" for step in STEPS]
    assert [entry.step for entry in journal.entries] == STEPS
    assert open_journal(bench.store, bench.world.clock, ROLLBACK_ID).kind == "rollback"


def test_what_it_says_is_done_is_not_done_again(bench: Bench) -> None:
    resumed = [*STEPS[:3], shell("two", "echo two >> log")]
    execution = bench.executor().run(listed(resumed))
    assert [each.replayed for each in execution.outcomes] == [True, True, True, False]
    assert bench.file("log") == "two\n"
    entry = bench.journal().entry("deploy/two")
    assert entry is not None
    assert entry.mark is Mark.DONE


def test_a_line_without_a_step_is_read_too(bench: Bench) -> None:
    line = {"schema": 1, "at": "2026-11-22T08:00:00+00:00", "deployment": bench.record.id}
    bench.store.lines(f"{bench.record.id}.journal.jsonl").append(json.dumps({**line, "mark": "applied"}))
    assert bench.journal().is_applied


def test_what_it_says_was_done_is_undone(bench: Bench) -> None:
    execution = bench.executor().undo()
    assert [each.state for each in execution.outcomes] == [StepState.LEFT, StepState.UNDONE]
    assert bench.file("log") == "one-back\n"
    assert bench.journal().to_undo == ()
