"""What every format says in the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Format
from ci_ops.core.report import Report
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.formats._words import (
    MAX_INDENT,
    OUTPUT_LINES,
    availability_sentence,
    check_title,
    headline,
    histogram,
    last_lines,
    links,
    problems,
    subject,
)
from ci_ops.formats.markdown import Markdown
from ci_ops.formats.text import Text
from tests.support.reports import (
    DRY_RUN,
    EMPTY,
    FAILED,
    HEALTH,
    NEW,
    OLD,
    PASSED,
    ROLLED_BACK,
    SKIPPED,
    SLOW,
    STALE,
    record,
)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (PASSED, "deploy shop abc1234 to production"),
        (FAILED, "verify shop abc1234 in production"),
        (DRY_RUN, "dry run of rollback shop to abc1234 in production"),
        (EMPTY, "readiness"),
        (Report(command="deploy", record=record(revision="", service="")), "deploy to production"),
        (Report(command="notify", record=record(environment="")), "notify shop abc1234"),
        (Report(command="deploy", record=record(environment="")), "deploy shop abc1234"),
        (Report(command="rollback", record=record()), "rollback shop to 0f1e2d3 in production"),
        (
            Report(command="rollback", record=record(previous_revision="")),
            "rollback shop of abc1234 in production",
        ),
        (
            Report(command="rollback", record=record(revision="", previous_revision="")),
            "rollback shop in production",
        ),
    ],
)
def test_the_subject_says_what_was_done_to_what(report: Report, words: str) -> None:
    assert subject(report) == words


def test_the_flows_own_sentence_goes_before_the_reasons_meaning() -> None:
    assert headline(ROLLED_BACK).sentence == "Rolled back to 0f1e2d3, and proven."
    assert headline(FAILED).sentence == "At least one check found a problem."


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert headline(PASSED).advice == ""
    assert headline(FAILED).advice != ""


def test_the_worst_comes_first() -> None:
    found = problems(Report(command="verify", results=(HEALTH, SKIPPED, SLOW, STALE)))
    assert [each.status for each in found] == [Status.FAIL, Status.WARN, Status.SKIP]


def test_what_a_proof_found_is_a_problem_too() -> None:
    report = Report(command="deploy", results=(SLOW,), proof=(HEALTH, STALE))
    assert problems(report) == [STALE, SLOW]
    assert [check_title(report, each) for each in problems(report)] == [
        "revision, after the rollback",
        "health",
    ]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"histogram": {"a": 1, "b": 2}}, {"a": 1, "b": 2}),
        ({"histogram": {}}, {}),
        ({"histogram": "a"}, {}),
        ({"days_left": 62}, {}),
    ],
)
def test_a_histogram_is_what_a_check_counted(facts: dict[str, Any], found: dict[str, int]) -> None:
    assert histogram(replace(HEALTH, facts=facts)) == found


def test_the_end_of_an_output_is_kept_with_its_indentation() -> None:
    lines, left_out = last_lines("\n".join(["first", *(f"  line {n}" for n in range(OUTPUT_LINES))]) + "\n\n")
    assert (lines[0], left_out) == ("  line 0", 1)
    assert last_lines(" " * 500 + "::error::x") == ([" " * MAX_INDENT + ": ::error::x"], 0)
    assert last_lines("") == ([], 0)


def test_what_the_probe_saw_is_one_sentence() -> None:
    assert availability_sentence(PASSED) == ""
    assert availability_sentence(ROLLED_BACK) == (
        "409 of 412 requests were answered while the live release was changed; "
        "the longest time without an answer was 0.9 s."
    )


def test_a_run_of_github_is_linked_with_its_commit_and_changes() -> None:
    assert links(record()) == {
        "run": "https://github.com/acme/shop/actions/runs/42",
        "commit abc1234": f"https://github.com/acme/shop/commit/{NEW}",
        "changes": f"https://github.com/acme/shop/compare/{OLD[:12]}...{NEW[:12]}",
    }
    back = links(record(kind="rollback", revision=OLD, previous_revision=NEW))
    assert back["changes"].endswith(f"{OLD[:12]}...{NEW[:12]}")


@pytest.mark.parametrize(
    "changes",
    [
        {"run_url": ""},
        {"run_url": "https://ci.example.com/job/7"},
        {"run_url": "https://github.com/a/b/actions/runs/1) [x](https://evil.example"},
    ],
)
def test_nothing_else_is_linked(changes: dict[str, str]) -> None:
    assert links(record(**changes)) == {}


def test_without_an_earlier_commit_there_are_no_changes_to_compare() -> None:
    assert set(links(record(previous_revision=""))) == {"run", "commit abc1234"}
    assert set(links(record(revision="main"))) == {"run"}


@pytest.mark.parametrize("plugin", [Text(), Markdown()], ids=["text", "markdown"])
def test_a_dry_run_shows_each_command_once_line_by_line(plugin: Format) -> None:
    steps = (replace(DRY_RUN.steps[0], run="cd release\nmake\nmake install"),)
    text = plugin.render(replace(DRY_RUN, steps=steps), JinjaTemplates())
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("cd release")
    assert lines[start : start + 3] == ["cd release", "make", "make install"]
    assert lines.count("make") == 1
