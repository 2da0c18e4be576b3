from __future__ import annotations

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.targets.command import Command
from tests.support.deployments import a_record, answers


def test_the_command_is_the_step_and_undo_its_undo() -> None:
    (step,) = answers(Command(run="./up", undo="./down", probe="./look").deploy_steps(a_record()))
    assert step.undo is not None
    assert (step.probe, step.changes) == ("./look", True)


def test_without_an_undo_the_step_says_so() -> None:
    (step,) = answers(Command(run="./up").deploy_steps(a_record()))
    assert step.undo is None
    assert "no `undo`" in step.no_undo


@pytest.mark.parametrize(
    ("target", "run"),
    [(Command(run="u", undo="d"), "d"), (Command(run="u", undo="d", rollback="r"), "r")],
)
def test_a_rollback_runs_its_own_command_or_the_undo(target: Command, run: str) -> None:
    (step,) = answers(target.rollback_steps(a_record(), a_record()))
    assert step is not None
    assert getattr(step, "run", "") == run


def test_without_either_a_rollback_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="no command that rolls back"):
        answers(Command(run="u").rollback_steps(a_record(), a_record()))


def test_a_command_target_has_no_place_of_its_own() -> None:
    target = Command(run="u")
    assert target.state_directory() is None
    assert target.release_directory(a_record()) == ""
