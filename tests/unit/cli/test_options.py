"""The options that several commands share."""

from __future__ import annotations

import click
import pytest

from ci_ops.cli._options import DURATION, LINES
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


def test_lines_are_split_at_line_ends_alone() -> None:
    assert LINES.convert(" a b.json \r\n\n c.md", None, None) == ("a b.json", "c.md")
    assert LINES.convert(("kept",), None, None) == ("kept",)
    assert LINES.convert("", None, None) == ()


def test_spans_of_time_are_read_as_everywhere() -> None:
    assert DURATION.convert("500ms", None, None) == 0.5
    with pytest.raises(click.BadParameter):
        DURATION.convert("soon", None, None)
