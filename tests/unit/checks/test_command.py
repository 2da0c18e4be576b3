from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.command import Command
from ci_ops.core.errors import Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import (
    NEW,
    OLD,
    a_subject,
    a_world,
    asking_to_stop,
    clean_env,
    rules_of,
    the_result,
)

EXAMPLE = Command(run_="echo $SECRET_KEY; exit 3")


def run(root: Path, command: str, **settings: Any) -> Result:
    return the_result(
        Command(run_=command, **settings), a_subject(root, url="https://shop.example.com"), a_world()
    )


def test_a_program_that_exits_with_zero_passes(tmp_path: Path) -> None:
    result = run(tmp_path, "echo fine")
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.facts["exit_code"] == 0
    assert result.facts["output"].strip() == "fine"


@pytest.mark.reports("command/exit-code")
def test_another_exit_code_fails_with_the_end_of_the_output_as_evidence(tmp_path: Path) -> None:
    result = run(tmp_path, "seq 1 5000; echo the last line; exit 3")
    assert (result.status, rules_of(result)) == (Status.FAIL, ["exit-code"])
    assert result.sentence == "The program exits with 3, not with 0."
    assert result.findings[0].observed.endswith("the last line")
    assert result.findings[0].observed.startswith("…")
    assert len(result.findings[0].observed) <= 500
    assert len(result.facts["output"]) == 4000


@pytest.mark.reports("command/warned")
def test_other_codes_can_mean_good_or_a_warning(tmp_path: Path) -> None:
    assert run(tmp_path, "exit 5", exit_codes=(0, 5)).status is Status.PASS
    result = run(tmp_path, "exit 2", exit_codes=0, warn_exit_codes=2)
    assert (result.status, rules_of(result)) == (Status.WARN, ["warned"])


@pytest.mark.reports("command/not-run")
def test_a_program_that_is_not_there_could_not_be_asked(tmp_path: Path) -> None:
    result = run(tmp_path, "no-such-program --at-all")
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-run"], 0)
    assert not result.transient
    assert run(tmp_path, "true", directory="nowhere").status is Status.ERROR


@pytest.mark.reports("command/timeout")
def test_a_program_that_takes_too_long_fails(tmp_path: Path) -> None:
    result = run(
        tmp_path, f"exec {sys.executable} -c 'import threading; threading.Event().wait(60)'", timeout=0.2
    )
    assert (result.status, rules_of(result)) == (Status.FAIL, ["timeout"])
    assert result.findings[0].observed == "no output"


@pytest.mark.reports("command/killed")
def test_a_program_that_a_signal_ended_fails(tmp_path: Path) -> None:
    result = run(tmp_path, "exec sh -c 'kill -9 $$'")
    assert (result.status, rules_of(result)) == (Status.FAIL, ["killed"])
    assert result.sentence == "Signal 9 ended the program."


def test_it_runs_in_its_directory_with_the_deployment_in_its_environment(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    line = (
        "pwd; echo $DEPLOYMENT_URL $DEPLOYMENT_ENVIRONMENT $DEPLOYMENT_REVISION $DEPLOYMENT_PREVIOUS_REVISION"
    )
    output = run(tmp_path, line, directory="sub").facts["output"]
    assert output.split() == [str(tmp_path / "sub"), "https://shop.example.com", "production", NEW, OLD]


def test_a_failure_is_asked_again_only_where_that_was_wished(tmp_path: Path) -> None:
    assert not run(tmp_path, "false").transient
    assert run(tmp_path, "false", retry=True).transient
    assert not run(tmp_path, "no-such-program", retry=True).transient


def test_a_stop_request_ends_the_program_and_the_check(tmp_path: Path) -> None:
    stop = StopSignal()
    world = RealWorld(env=clean_env(), stop=stop)
    started = tmp_path / "started"
    asker = asking_to_stop(stop, once=started.exists)
    line = f"touch started; exec {sys.executable} -c 'import threading; threading.Event().wait(60)'"
    with pytest.raises(Interrupted):
        the_result(Command(run_=line), a_subject(tmp_path), world)
    asker.join()
