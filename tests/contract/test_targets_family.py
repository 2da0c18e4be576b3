"""The rules of every target; each is tried as the `EXAMPLE` of its own test module."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from ci_ops.core.delivery.execute import Execution
from ci_ops.core.delivery.journal import Journal, Mark
from ci_ops.core.delivery.journal_file import SUFFIX
from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.delivery.step import Step, StepResult, Steps, step_from_json, step_to_json
from ci_ops.core.delivery.steps.command import Command
from ci_ops.core.plugin import Target
from ci_ops.plugins import family
from tests.support.deployments import a_record, answers
from tests.support.examples import example_of
from tests.support.golden import assert_golden
from tests.support.targets import Killed, Scratch, TargetExample, content

LIVE = StepResult(ok=True, code=0, output="releases/20261121T080000Z-1111111\n")

NAMES = family("targets").names()
EXAMPLES: dict[str, TargetExample] = {name: example_of("targets", name) for name in NAMES}
PLACE = Path("/srv")
"""The host of the steps that are only read."""


def steps_of(name: str) -> dict[str, Steps]:
    """Return a deployment and a rollback, with the same record every time."""
    target = EXAMPLES[name].make(PLACE)
    earlier = a_record(id="20261121T080000Z-1111111", revision="1" * 40)
    back = a_record(kind="rollback", release=earlier.id)
    return {
        "deploy": target.deploy_steps(a_record()),
        "rollback": target.rollback_steps(back, earlier),
    }


class Kill(NamedTuple):
    """A moment of a run: a line of its journal."""

    number: int
    is_written: bool


def drawn(steps: Steps) -> list[Step]:
    return answers(steps, LIVE)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_example_a_sentence_and_no_reserved_settings(name: str) -> None:
    target: Target = EXAMPLES[name].make(PLACE)
    assert type(target) is family("targets").load(name)
    first = (type(target).__doc__ or "").split("\n")[0]
    assert first.endswith(".")
    assert {each.name for each in fields(cast("Any", target))}.isdisjoint({"type", "name", "enabled"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["deploy", "rollback"])
def test_its_steps_are_the_golden_ones(name: str, what: str) -> None:
    steps = [step_to_json(step) for step in drawn(steps_of(name)[what])]
    assert_golden(f"targets/{name}-{what}.json", json.dumps(steps, indent=2) + "\n")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["deploy", "rollback"])
def test_every_change_can_be_taken_back_or_says_why_not(name: str, what: str) -> None:
    steps = drawn(steps_of(name)[what])
    assert any(step.changes for step in steps)
    assert len({step.key for step in steps}) == len(steps)
    for step in steps:
        if step.changes:
            assert step.undo or step.no_undo, step.title
            assert step.probe or step.undo, f"nobody could tell whether {step.title!r} happened"


@pytest.mark.parametrize("name", NAMES)
def test_replay_gives_the_same_steps_through_json(name: str) -> None:
    for what in ("deploy", "rollback"):
        steps = drawn(steps_of(name)[what])
        assert steps == drawn(steps_of(name)[what])
        assert [step_from_json(json.loads(json.dumps(step_to_json(step)))) for step in steps] == steps


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_this_machine_is_touched_by_asking(name: str, tmp_path: Path) -> None:
    drawn(steps_of(name)["deploy"])
    assert list(tmp_path.iterdir()) == []
    assert not (PLACE / "shop").exists()


@pytest.fixture(params=NAMES)
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Scratch:
    """A place of its own for each target."""
    return Scratch(tmp_path, EXAMPLES[request.param])


def kills(scratch: Scratch, record: DeploymentRecord, run: Callable[[Journal], Execution]) -> list[Kill]:
    """Run to the end, and return each moment at which that run can be killed: at every line of its journal."""
    assert run(scratch.journal(record)).failed is None
    lines = scratch.store.lines(record.id + SUFFIX).read()[1:]  # the first is written before any step
    found = [Kill(number, is_written=False) for number in range(len(lines))]
    begun = [number for number, line in enumerate(lines) if json.loads(line)["mark"] == Mark.STARTED]
    return [*found, *(Kill(number, is_written=True) for number in begun)]


def run_killed(
    scratch: Scratch, record: DeploymentRecord, kill: Kill, run: Callable[[Journal], Execution]
) -> None:
    """Run until that moment."""
    with pytest.raises(Killed):
        run(scratch.journal(record, lines=kill.number, is_written=kill.is_written))


def test_a_deployment_that_was_killed_at_any_line_is_undone_or_resumed(scratch: Scratch) -> None:
    old = scratch.record(scratch.old)
    assert scratch.deploy(old).failed is None
    scratch.save("before")
    before, new = scratch.files(), scratch.record(scratch.new, over=old)
    for kill in kills(scratch, new, lambda journal: scratch.deploy(new, journal)):
        scratch.restore("before")
        run_killed(scratch, new, kill, lambda journal: scratch.deploy(new, journal))
        scratch.save(f"killed-{kill}")
        assert_undone(scratch, new, before)
        scratch.restore(f"killed-{kill}")
        assert scratch.deploy(new).failed is None, kill
        assert scratch.serving() == scratch.new, kill
    assert_undone(scratch, new, before)
    assert scratch.deploy(scratch.record(scratch.new, over=old)).failed is None
    assert scratch.serving() == scratch.new


def test_a_rollback_that_was_killed_at_any_line_is_resumed(scratch: Scratch) -> None:
    old = scratch.record(scratch.old)
    scratch.deploy(old)
    new = scratch.record(scratch.new, over=old)
    scratch.deploy(new)
    scratch.save("deployed")
    back = scratch.back(new, old)
    for kill in kills(scratch, back, lambda journal: scratch.roll_back(back, old, journal)):
        assert scratch.serving() == scratch.old, kill
        scratch.restore("deployed")
        assert scratch.serving() == scratch.new
        run_killed(scratch, back, kill, lambda journal: scratch.roll_back(back, old, journal))
        assert scratch.roll_back(back, old).failed is None, kill
    assert scratch.serving() == scratch.old


def assert_undone(scratch: Scratch, record: DeploymentRecord, before: Mapping[str, str]) -> None:
    """Undo the deployment; nothing of it is left but what the example says remains."""
    assert scratch.executor(record).undo().failed is None
    after = scratch.files()
    changed = sorted({name for name, _ in before.items() ^ after.items()})
    assert changed == [], f"steps without an undo left {changed}; give them one, or state what `remains`"
    assert scratch.serving() == scratch.old


def test_a_first_deployment_that_was_undone_leaves_room_for_the_next(scratch: Scratch) -> None:
    first = scratch.record(scratch.old)
    scratch.deploy(first)
    assert scratch.serving() == scratch.old
    assert scratch.executor(first).undo().failed is None
    assert scratch.deploy(scratch.record(scratch.new)).failed is None
    assert scratch.serving() == scratch.new


@dataclass(frozen=True, kw_only=True)
class Forgetful(Target):
    """A target whose step says falsely that nothing of it has to be undone."""

    host: Path

    def deploy_steps(self, record: DeploymentRecord) -> Steps:
        del record
        run = f'echo "$DEPLOYMENT_REVISION" > {self.host}/served'
        yield Command(title="Serve", key="serve", run=run, no_undo="nothing to undo", probe="false")


def test_a_false_no_undo_is_found(tmp_path: Path) -> None:
    example = TargetExample(
        make=lambda host: Forgetful(host=host), serving=lambda host: content(host / "served")
    )
    scratch = Scratch(tmp_path, example)
    scratch.deploy(scratch.record(scratch.old))
    before = scratch.files()
    record = scratch.record(scratch.new)
    scratch.deploy(record)
    with pytest.raises(AssertionError, match="steps without an undo left"):
        assert_undone(scratch, record, before)
