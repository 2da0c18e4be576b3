"""The report as a terminal shows it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from ci_ops.core.report import Report, StepState
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats.text import CELL_CHARACTERS, LINE_CHARACTERS, Text
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.reports import FAILED_STEP, HEALTH, PASSED, hostile_report, step

EXAMPLE = Text()
TEMPLATES = JinjaTemplates()


def shown(report: Report) -> str:
    return Text().render(report, TEMPLATES)


def test_columns_are_aligned_whatever_the_width_of_the_letters() -> None:
    results = (replace(HEALTH, check="日本"), replace(HEALTH, check="api"))
    lines = [
        line for line in shown(Report(command="verify", results=results)).splitlines() if "41 ms" in line
    ]
    assert lines == [
        "  pass  日本  41 ms  GET /health answered 200 in 12 ms.",
        "  pass  api   41 ms  GET /health answered 200 in 12 ms.",
    ]


def test_long_cells_and_lines_are_cut_visibly() -> None:
    results = (replace(HEALTH, check="c" * 200, sentence="s" * 5000),)
    line = shown(Report(command="verify", results=results)).splitlines()[-1]
    assert "c" * (CELL_CHARACTERS - 1) + "…" in line
    assert line.endswith("s" * (LINE_CHARACTERS - 1) + "…")


def test_a_long_output_shows_its_end() -> None:
    failed = step("one", StepState.FAILED, output="\n".join(f"line {n}" for n in range(30)))
    text = shown(replace(FAILED_STEP, steps=(failed,)))
    assert "      | … 10 lines before\n      | line 10\n" in text
    assert text.count("      | line ") == 20


def test_a_replayed_step_says_so() -> None:
    text = shown(replace(PASSED, steps=(step("one", replayed=True),)))
    assert "One (done by an earlier run)" in text


@settings(deadline=None, max_examples=60)
@given(text=HOSTILE_TEXTS)
def test_no_line_is_a_command_of_the_runner(text: str) -> None:
    lines = shown(hostile_report(text)).split("\n")
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)
