"""Rules that every target is held to; a new one needs an example here and nothing else."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from ci_ops.core.delivery.step import Step, StepResult, Steps, step_from_json, step_to_json
from ci_ops.core.plugin import Target
from ci_ops.plugins import family
from ci_ops.targets.command import Command
from ci_ops.targets.releases import Releases
from tests.support.deployments import a_record, answers
from tests.support.golden import assert_golden

LIVE = StepResult(ok=True, code=0, output="releases/20261121T080000Z-1111111\n")

EXAMPLES: dict[str, Target] = {
    "command": Command(run="./up", undo="./down", rollback="./back", probe="./look"),
    "releases": Releases(
        path="/srv/shop",
        shared=("media",),
        build="make build",
        migrate="./manage.py migrate",
        reload="systemctl reload shop",
        health="curl -fsS http://127.0.0.1:8000/",
    ),
}


NAMES = family("targets").names()


def steps_of(target: Target) -> dict[str, Steps]:
    """A deployment and a rollback, with the same record every time."""
    earlier = a_record(id="20261121T080000Z-1111111", revision="1" * 40)
    back = a_record(kind="rollback", release=earlier.id)
    return {
        "deploy": target.deploy_steps(a_record()),
        "rollback": target.rollback_steps(back, earlier),
    }


def drawn(steps: Steps) -> list[Step]:
    return answers(steps, LIVE)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_example_a_sentence_and_no_reserved_settings(name: str) -> None:
    target = EXAMPLES[name]
    assert type(target) is family("targets").load(name)
    first = (type(target).__doc__ or "").split("\n")[0]
    assert first.endswith(".")
    assert {each.name for each in fields(target)}.isdisjoint({"type", "name", "enabled"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["deploy", "rollback"])
def test_its_steps_are_the_golden_ones(name: str, what: str) -> None:
    steps = [step_to_json(step) for step in drawn(steps_of(EXAMPLES[name])[what])]
    assert_golden(f"targets/{name}-{what}.json", json.dumps(steps, indent=2) + "\n")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["deploy", "rollback"])
def test_every_change_can_be_taken_back_or_says_why_not(name: str, what: str) -> None:
    steps = drawn(steps_of(EXAMPLES[name])[what])
    assert any(step.changes for step in steps)
    assert len({step.key for step in steps}) == len(steps)
    for step in steps:
        if step.changes:
            assert step.undo or step.no_undo, step.title
            assert step.probe or step.undo, f"nobody could tell whether {step.title!r} happened"


@pytest.mark.parametrize("name", NAMES)
def test_replay_gives_the_same_steps_through_json(name: str) -> None:
    for what in ("deploy", "rollback"):
        steps = drawn(steps_of(EXAMPLES[name])[what])
        assert steps == drawn(steps_of(EXAMPLES[name])[what])
        assert [step_from_json(json.loads(json.dumps(step_to_json(step)))) for step in steps] == steps


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_this_machine_is_touched_by_asking(name: str, tmp_path: Path) -> None:
    drawn(steps_of(EXAMPLES[name])["deploy"])
    assert list(tmp_path.iterdir()) == []
    assert not Path("/srv/shop").exists()
