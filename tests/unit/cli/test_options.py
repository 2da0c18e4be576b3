"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.cli._open import _state_folder
from ci_ops.cli._request import Request
from ci_ops.core.errors import UsageError
from tests.support.cli import Terminal


def test_a_report_may_be_asked_for_again_and_again(terminal: Terminal) -> None:
    terminal.write("app.py", "")
    assert terminal.run("readiness", "--report", "one.json", "--report", "two.md").code == 0
    assert (terminal.folder / "one.json").is_file()
    assert (terminal.folder / "two.md").is_file()


def test_an_input_of_several_lines_is_split_at_its_lines_alone(terminal: Terminal) -> None:
    terminal.write("app.py", "")
    terminal.set(CI_OPS_READINESS_REPORT="a report.json\n\ntwo.txt\n")
    assert terminal.run("readiness").code == 0
    assert (terminal.folder / "a report.json").is_file()
    assert (terminal.folder / "two.txt").is_file()


@pytest.mark.parametrize("name", ["folder.json", "file/inside.json"])
def test_a_report_without_a_place_is_refused_before_the_work(terminal: Terminal, name: str) -> None:
    (terminal.folder / "folder.json").mkdir()
    terminal.write("file", "")
    said = terminal.run("readiness", "--report", name)
    assert (said.code, "error: report: " in said.err, "Looking" in said.err) == (2, True, False)


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that not even root can write to")
def test_a_project_that_cannot_be_written_is_looked_at_all_the_same() -> None:
    notes: list[str] = []
    elsewhere = _state_folder(Request(command="verify"), Path("/sys/.ci-ops"), note=notes.append)
    assert elsewhere.is_dir()
    elsewhere.rmdir()
    assert notes[0].startswith("/sys/.ci-ops cannot be written (")
    with pytest.raises(UsageError, match="cannot be made"):
        _state_folder(Request(command="deploy"), Path("/sys/.ci-ops"), note=notes.append)
