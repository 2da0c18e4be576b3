"""The shell of users' command lines stops at the first failing line, as a workflow's own step does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import RealProcess

AMPLE_SECONDS = 30.0
NEEDED = ("cat", "sh", "tee")


@pytest.fixture(params=["bash", "sh"])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> RealProcess:
    """Programs with bash on PATH, and without."""
    programs = tmp_path / "bin"
    programs.mkdir()
    names = (*NEEDED, "bash") if request.param == "bash" else NEEDED
    for name in names:
        found = shutil.which(name, path=os.defpath)
        assert found
        (programs / name).symlink_to(found)
    return RealProcess(env={"PATH": str(programs)}, stop=StopSignal(), redact=Redactor())


@pytest.mark.parametrize(
    "text",
    ["false\necho reached", "no-such-program --flag\necho reached", "cd no-such-folder\necho reached"],
)
def test_the_first_failing_line_ends_the_text(process: RealProcess, tmp_path: Path, text: str) -> None:
    done = process.run(text, timeout_seconds=AMPLE_SECONDS, directory=tmp_path)
    assert done.exit_code != 0
    assert "reached" not in done.output


@pytest.mark.parametrize(
    "text",
    [
        "false || true\necho reached",
        "if false; then exit 1; fi\necho reached",
        "test 1 = \\\n  1\necho reached",
        "! false\necho reached",
    ],
)
def test_a_failure_that_is_handled_does_not(process: RealProcess, tmp_path: Path, text: str) -> None:
    done = process.run(text, timeout_seconds=AMPLE_SECONDS, directory=tmp_path)
    assert (done.exit_code, done.stdout) == (0, "reached\n")


def test_a_pipe_fails_with_any_of_its_programs_where_there_is_bash() -> None:
    process = RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor())
    done = process.run("exit 3 | cat\necho reached", timeout_seconds=AMPLE_SECONDS)
    assert (done.exit_code, done.stdout) == (3, "")


def test_a_program_that_a_signal_ended_keeps_its_number_through_the_shell(process: RealProcess) -> None:
    assert process.run("kill -9 $$", timeout_seconds=AMPLE_SECONDS).exit_code == -9
