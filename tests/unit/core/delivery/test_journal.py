from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.journal import Journal, Mark, latest_journal, open_journal
from ci_ops.core.delivery.step import StepResult
from ci_ops.edge.store import LocalStore
from tests.support.deployments import Bench, a_record, shell

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal = bench.journal()
    step = shell("one", "true", undo=shell("one-back", "true"))
    journal.plan("deploy/one", step)
    journal.mark(Mark.STARTED, "deploy/one")
    journal.mark(Mark.DONE, "deploy/one", StepResult(ok=True, code=0, output="seen", seconds=0.5))
    journal.applied()

    again = bench.journal()

    assert again.record == bench.record
    assert again.owner == "test"
    assert again.kind == "deploy"
    assert again.is_open
    assert again.is_applied
    assert not again.is_unfinished
    entry = again.entry("deploy/one")
    assert entry is not None
    assert entry.step == step
    assert entry.result == StepResult(ok=True, code=0, output="seen", seconds=0.5)
    assert [each.step.key for each in again.entries] == ["one"]


def test_a_step_that_was_only_planned_has_changed_nothing(tmp_path: Path) -> None:
    journal = Bench(tmp_path).journal()
    journal.plan("deploy/one", shell("one", "true"))
    assert journal.to_undo == ()
    assert journal.is_unfinished


def test_what_was_begun_is_undone_latest_first(tmp_path: Path) -> None:
    journal = Bench(tmp_path).journal()
    for key in ("one", "two", "look"):
        journal.plan(key, shell(key, "true", changes=key != "look"))
        journal.mark(Mark.STARTED, key)
    assert [entry.step.key for entry in journal.to_undo] == ["two", "one"]


def test_a_journal_that_is_being_undone_is_unfinished_although_it_was_applied(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal = bench.journal()
    journal.plan("deploy/one", shell("one", "true"))
    journal.applied()
    journal.mark(Mark.UNDOING, "deploy/one")
    assert bench.journal().is_unfinished


def test_an_ended_journal_is_closed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.journal().end("verified")
    assert not bench.journal().is_open
    assert bench.journal().outcome == "verified"


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        json.dumps({"schema": 9, "mark": "applied"}),
        json.dumps({"schema": 1, "mark": "of another world"}),
        json.dumps({"schema": 1, "mark": "done", "key": "never planned"}),
        json.dumps({"schema": 2, "mark": "planned", "key": "one", "step": {"kind": "dance"}}),
        json.dumps({"schema": 2, "mark": "planned", "key": ["one"], "step": {}}),
        json.dumps({"schema": 2, "mark": "begun", "record": a_record().to_json(), "owner": ""}),
        json.dumps({"schema": 2, "mark": "begun", "record": a_record().to_json(), "owner": "", "kind": 1}),
        json.dumps(
            {"schema": 2, "mark": "begun", "record": a_record().to_json(), "owner": "", "kind": "backup"}
        ),
        json.dumps(
            {"schema": 2, "mark": "begun", "record": a_record().to_json(), "owner": "", "kind": "rollback"}
        ),
        json.dumps([1]),
    ],
)
def test_an_unreadable_line_is_never_taken_for_none(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path)
    bench.journal()
    bench.store.lines(f"{bench.record.id}.journal.jsonl").append(line)
    with pytest.raises(ValueError, match="line 2"):
        bench.journal()


def test_the_latest_journal_is_the_one_begun_last(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    clock = bench.world.clock
    assert latest_journal(bench.store, clock) is None
    for name in ("20261120T080000Z-2222222", "20261122T080000Z-1111111", "20261121T080000Z-3333333"):
        open_journal(bench.store, clock, name).begin(a_record(id=name), owner="")
    found = latest_journal(bench.store, clock)
    assert isinstance(found, Journal)
    assert found.deployment == "20261122T080000Z-1111111"


def test_a_torn_last_line_did_not_happen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal = bench.journal()
    journal.plan("deploy/one", shell("one", "true"))
    journal.mark(Mark.STARTED, "deploy/one")
    path = tmp_path / "state" / f"{bench.record.id}.journal.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    entry = Bench(tmp_path).journal().entry("deploy/one")
    assert entry is not None
    assert entry.mark is Mark.PLANNED
    assert LocalStore(tmp_path / "state").names(".journal.jsonl") == (path.name,)
