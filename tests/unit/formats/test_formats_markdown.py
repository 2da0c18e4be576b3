"""The job summary's timeline and its edges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_ops.core.report import Report, StepState
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats.markdown import Markdown
from tests.support.reports import EMPTY, PASSED, ROLLED_BACK, SKIPPING, step

TEMPLATES = JinjaTemplates()


def shown(report: Report) -> str:
    return Markdown().render(report, TEMPLATES)


@pytest.mark.parametrize(
    ("offset_seconds", "moment"),
    [
        (0.0, "2000-01-01 00:00:00.000"),
        (61.5, "2000-01-01 00:01:01.500"),
        (86_400.0 + 3_600.0, "2000-01-02 01:00:00.000"),
    ],
)
def test_a_bar_starts_at_its_offset(offset_seconds: float, moment: str) -> None:
    bar = step("one", started_offset_seconds=offset_seconds, seconds=1.5)
    assert f"    One :done, {moment}, 1500ms\n" in shown(replace(PASSED, steps=(bar,)))


@pytest.mark.parametrize(("seconds", "axis"), [(34.2, "%M:%S"), (7200.0, "%H:%M:%S")])
def test_the_axis_shows_hours_only_where_there_are_some(seconds: float, axis: str) -> None:
    assert f"axisFormat {axis}\n" in shown(replace(PASSED, seconds=seconds))


def test_a_bar_is_never_without_length() -> None:
    assert ", 1ms\n" in shown(replace(PASSED, steps=(step("one"),)))


@pytest.mark.parametrize(
    ("state", "tag"),
    [
        (StepState.DONE, "done"),
        (StepState.UNDONE, "active"),
        (StepState.FAILED, "crit"),
        (StepState.INTERRUPTED, "crit"),
    ],
)
def test_a_bars_colour_tells_its_state(state: StepState, tag: str) -> None:
    assert f"    One :{tag}, " in shown(replace(PASSED, steps=(step("one", state),)))


def test_what_did_not_run_now_is_not_in_the_timeline() -> None:
    steps = (step("one", StepState.PLANNED), step("two", replayed=True))
    text = shown(replace(PASSED, steps=steps, measurements=()))
    assert "mermaid" not in text
    assert "| Two (done by an earlier run) |" in text


def test_the_timeline_shows_the_checks_between_the_steps_with_one_section_for_each_phase() -> None:
    lines = [line.strip() for line in shown(ROLLED_BACK).splitlines()]
    sections = [line for line in lines if line.startswith("section ")]
    assert sections == ["section deploy", "section verify", "section undo"]
    at = lines.index("section verify")
    assert lines[at + 1].startswith("Check abc1234 :crit, 2000-01-01 00:00:04.000")
    assert lines[at + 2].startswith("Check 0f1e2d3 :done, 2000-01-01 00:00:15.200")


def test_what_is_not_there_has_no_heading() -> None:
    assert "###" not in shown(EMPTY)
    assert "Proof" not in shown(SKIPPING)


def test_a_long_output_shows_its_end() -> None:
    failed = step("one", StepState.FAILED, output="\n".join(f"  line {n}" for n in range(30)))
    text = shown(replace(PASSED, steps=(failed,)))
    assert "    … 10 lines before\n      line 10\n" in text
