"""The job summary's timeline and its edges."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from ci_ops.core.report import Report, StepState
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats.markdown import Markdown
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.reports import (
    DELIVERED,
    EMPTY,
    PASSED,
    REPORTS,
    ROLLED_BACK,
    SKIPPING,
    STALE,
    STEPS,
    hostile_report,
    step,
)

EXAMPLE = Markdown()
TEMPLATES = JinjaTemplates()
RUNNER_BYTES = 1 << 20
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


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


def large(report: Report, times: int) -> Report:
    return replace(
        report,
        results=(STALE,) * times,
        steps=STEPS * times,
        deliveries=DELIVERED * times,
        notes=("note",) * times,
    )


ADVICE = "What to do: "


def structure(markdown: str) -> list[str]:
    """The kinds of blocks and of things inside them, without any text, and without commands in advice."""
    kinds: list[str] = []
    for token in MARKDOWN.parse(markdown):
        kinds.append(f"{token.type} {token.info}")
        left_out = {"text", "text_special", *(["code_inline"] if token.content.startswith(ADVICE) else [])}
        inside = [child for child in token.children or [] if child.type not in left_out]
        kinds += [child.content if child.type == "html_inline" else child.type for child in inside]
    return kinds


@settings(deadline=None, max_examples=200)
@given(text=HOSTILE_TEXTS)
def test_no_text_changes_the_structure_of_the_summary(text: str) -> None:
    calm = structure(shown(hostile_report("calm")))
    assert structure(shown(hostile_report(text))) == calm


@settings(deadline=None, max_examples=100)
@given(text=HOSTILE_TEXTS)
def test_no_text_mentions_anybody_or_runs_anything_in_the_summary(text: str) -> None:
    page = MARKDOWN.render(shown(hostile_report(text)))
    outside_code = re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"(?<![\w&;])@\w", outside_code)
    assert not re.search(
        r"<(?!/?(h[2-6]|p|ul|ol|li|strong|em|code|pre|sub|table|thead|tbody|tr|t[hd]|blockquote|br|hr)\b)",
        page,
    )
    assert not re.search(r"\son\w+=|javascript:", re.sub(r">[^<]*<", "><", page))


@settings(deadline=None, max_examples=100)
@given(text=HOSTILE_TEXTS)
def test_the_timeline_has_one_line_for_each_step(text: str) -> None:
    fences = [token for token in MARKDOWN.parse(shown(hostile_report(text))) if token.type == "fence"]
    lines = fences[0].content.splitlines()
    assert [token.info for token in fences] == ["mermaid"]
    assert len(lines) == 7
    assert lines[5].startswith("    section ")
    assert re.fullmatch(r"    [^:;#,%]+ :crit, 2000-01-01 00:00:00\.000, 1000ms", lines[6])


@pytest.mark.parametrize("times", [17, 400])
def test_a_summary_has_at_most_fifty_of_each_and_says_how_many_more(times: int) -> None:
    page = shown(large(REPORTS["pass"], times))
    assert len(page.encode("utf-8")) < RUNNER_BYTES / 8
    assert page.count("| ❌ fail | revision |") == min(50, times)
    assert (f"… and {times - 50} more" in page) is (times > 50)
    assert f"… and {3 * times - 50} more" in page


def test_a_summary_of_the_longest_texts_still_fits_into_the_runners_limit() -> None:
    endless = large(hostile_report("&" * 100_000), 1)
    assert len(shown(endless).encode("utf-8")) < RUNNER_BYTES
