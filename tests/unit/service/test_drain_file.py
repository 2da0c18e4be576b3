"""The command of a `preStop` hook: the file first, then the time that routers need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops.service.drain_file import main, seconds_since
from ci_ops.service.health.availability import Availability


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "draining"
    monkeypatch.setenv("CI_OPS_DRAIN_FILE", str(path))
    monkeypatch.setenv("CI_OPS_DRAIN_SECONDS", "0.01")
    return path


def test_the_file_is_made_and_the_command_returns_after_the_time(file: Path) -> None:
    availability = Availability(drain_file=file)
    before = availability.refusal

    assert main([]) == 0
    assert (before, availability.refusal) == ("", "draining")
    assert seconds_since(file) >= 0.01
    assert main([]) == 0


def test_a_file_that_cannot_be_made_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI_OPS_DRAIN_FILE", str(file / "below"))

    assert main([]) == 1
    assert "cannot be created: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "name", "value", "said"),
    [
        ([], "CI_OPS_DRAIN_FILE", "", "CI_OPS_DRAIN_FILE names no file"),
        ([], "CI_OPS_DRAIN_SECONDS", "soon", "CI_OPS_DRAIN_SECONDS is not a number of seconds"),
        (["now"], "CI_OPS_DRAIN_SECONDS", "0", "it takes no arguments"),
    ],
)
def test_a_wrong_call_makes_no_file(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)

    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_a_file_that_is_not_there_was_never_made(tmp_path: Path) -> None:
    assert [seconds_since(None), seconds_since(tmp_path / "no")] == [0, 0]


def test_it_is_a_command(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ci_ops.service.drain_file"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr, file.exists()) == (0, "", "", True)
