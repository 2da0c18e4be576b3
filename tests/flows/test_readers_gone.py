"""A deployment whose terminal, pipe or log goes away ends whole, with its exit code and its report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from ci_ops.core.delivery.record import State
from tests.support.shop import CONFIG, ONE, TWO, Shop
from tests.support.waiting import wait_until

PROGRAM = [sys.executable, "-m", "ci_ops"]
IN_A_TERMINAL = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"


def deploy_to(shop: Shop, revision: str, stream: IO[bytes] | int, *, options: list[str]) -> int:
    done = subprocess.run(
        [*PROGRAM, "deploy", "--revision", revision, *options],
        cwd=shop.project,
        env=shop.env,
        stdout=stream,
        stderr=stream,
        check=False,
    )
    return done.returncode


def reports(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in shop.project.rglob("deploy.json")]


@pytest.mark.parametrize("options", [[], ["--format", "json"]])
def test_a_full_disk_under_the_log_changes_nothing(shop: Shop, options: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        assert deploy_to(shop, ONE, full, options=options) == 0
    assert shop.service.revision == ONE
    assert shop.history[0].state is State.VERIFIED
    assert [report["exit_code"] for report in reports(shop)] == [0]


def test_a_pipe_that_nobody_reads_takes_no_rollback_away(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)
    reading, writing = os.pipe()
    os.close(reading)
    assert deploy_to(shop, TWO, writing, options=[]) == 5
    os.close(writing)
    assert shop.service.revision == ONE
    assert shop.history[0].state is State.ROLLED_BACK


def test_a_terminal_that_is_closed_stops_it_and_the_next_run_resumes(shop: Shop) -> None:
    begun = shop.service.folder / "begun"
    begun.touch()
    slow = 'if [ ! -e "$SHOP/begun" ]; then touch "$SHOP/begun"; sleep 60; fi; '
    shop.write_config(CONFIG.replace("run: '", f"run: '{slow}"))
    shop.deploy(ONE)
    begun.unlink()
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, str(theirs), *PROGRAM, "deploy", "--revision", TWO],
        cwd=shop.project,
        env=shop.env,
        pass_fds=[theirs],
        start_new_session=True,
    ) as running:
        os.close(theirs)
        wait_until(begun.exists)
        os.close(ours)
        assert running.wait(timeout=30) == 143
    assert shop.history[0].state is State.INTERRUPTED
    assert [report["exit_code"] for report in reports(shop) if report["record"]["revision"] == TWO] == [143]
    assert shop.deploy(TWO).verdict == "ok"
    assert shop.service.revision == TWO


def test_a_hang_up_that_nohup_ignores_stays_ignored(shop: Shop) -> None:
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -HUP $PPID; "))
    done = subprocess.run(
        [*PROGRAM, "deploy", "--revision", ONE],
        cwd=shop.project,
        env=shop.env,
        capture_output=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        check=False,
    )
    assert done.returncode == 0
    assert shop.service.revision == ONE


def test_outputs_that_cannot_be_written_any_more_do_not_change_how_it_ended(
    shop: Shop, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.touch()
    shop.write_config(CONFIG.replace("run: '", f"run: 'rm {output}; mkdir {output}; "))
    runner = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(tmp_path / "temp")}
    done = subprocess.run(
        [*PROGRAM, "deploy", "--revision", ONE],
        cwd=shop.project,
        env={**shop.env, **runner, "GITHUB_WORKSPACE": str(shop.project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "::error title=ci-ops deploy::cannot write the file of GITHUB_OUTPUT" in done.stderr
    assert shop.service.revision == ONE
