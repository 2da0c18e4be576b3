from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.delivery.steps.command import Command as CommandStep
from ci_ops.core.errors import Inconclusive, UsageError
from ci_ops.core.plugin import Placement
from ci_ops.flows._placement import measure_placement
from ci_ops.flows._run import step_environment
from ci_ops.targets.command import Command
from tests.support.deployments import NEW, OLD, a_record, a_world, answers
from tests.support.targets import TargetExample, content


def example(host: Path) -> Command:
    """Return a target whose host serves what stands in the file `served`."""
    served = f"{host}/served"
    return Command(
        run=f'echo "$DEPLOYMENT_REVISION" > {served}',
        undo=f'echo "$DEPLOYMENT_PREVIOUS_REVISION" > {served}',
        rollback=f'echo "$DEPLOYMENT_REVISION" > {served}',
        probe=f'test "$(cat {served})" = "$DEPLOYMENT_REVISION"',
        live=f"if [ -e {served} ]; then cat {served}; fi",
    )


EXAMPLE = TargetExample(make=example, serving=lambda host: content(host / "served"))


def test_the_command_is_the_step_and_undo_its_undo() -> None:
    (step,) = answers(Command(run="./up", undo="./down", probe="./look").deploy_steps(a_record()))
    assert step.undo is not None
    assert (step.probe, step.changes) == ("./look", True)


def test_without_an_undo_the_step_says_so() -> None:
    (step,) = answers(Command(run="./up").deploy_steps(a_record()))
    assert step.undo is None
    assert "no `undo`" in step.no_undo


def test_a_rollback_runs_its_own_command() -> None:
    (step,) = answers(Command(run="u", undo="d", rollback="r").rollback_steps(a_record(), a_record()))
    assert getattr(step, "run", "") == "r"


def test_where_a_rollback_is_an_undo_it_undoes_what_is_left(tmp_path: Path) -> None:
    target = Command(run="u", undo='echo "$DEPLOYMENT_REVISION to $DEPLOYMENT_PREVIOUS_REVISION"')
    earlier = a_record(id="20261121T080000Z-1111111", revision=OLD)
    back = a_record(kind="rollback", revision=OLD, previous_revision=NEW)
    (step,) = answers(target.rollback_steps(back, earlier))
    assert isinstance(step, CommandStep)
    world = a_world()
    env = {**world.env, **step_environment(back, target)}
    done = world.process.run(step.run, timeout_seconds=20.0, env=env, directory=tmp_path)
    assert done.stdout.strip() == f"{NEW} to {OLD}"
    assert step.shown == target.undo


def test_without_either_a_rollback_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="no command that rolls back"):
        answers(Command(run="u").rollback_steps(a_record(), a_record()))


def test_a_command_target_has_no_place_of_its_own() -> None:
    target = Command(run="u")
    assert target.state_place() is None
    assert target.release_directory(a_record()) == ""
    assert target.measure() is None


@pytest.mark.parametrize(
    ("live", "placement"),
    [
        (f"echo {OLD}", Placement(revision=OLD)),
        ("echo 20261122T080000Z-2222222", Placement(release="20261122T080000Z-2222222")),
        ("true", Placement(is_vacant=True)),
        ('echo "$SHOP_LIVE"', Placement(revision=NEW)),
    ],
)
def test_a_command_of_its_own_measures_what_is_live(live: str, placement: Placement, tmp_path: Path) -> None:
    target = Command(run="u", live=live)
    world = a_world(SHOP_LIVE=NEW)
    assert measure_placement(target, world, root=tmp_path, env={}) == placement


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Command(run="u", live="echo v1.2"), "'v1.2'; expected a full commit"),
        (Command(run="u", live="echo no host >&2; exit 3"), "no host"),
        (Command(run="u", live="exit 3"), "exit code 3"),
        (Command(run="u", live="sleep 30", timeout=0.1), "no answer within 0.1 s"),
    ],
)
def test_an_answer_that_is_none_is_an_error_not_a_guess(target: Command, why: str, tmp_path: Path) -> None:
    with pytest.raises(Inconclusive, match=why):
        measure_placement(target, a_world(), root=tmp_path, env={})
