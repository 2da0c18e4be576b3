"""What holds for every format; a new one only has to write its golden files."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ci_ops.core.plugin import Format
from ci_ops.core.text.lines import map_texts, one_line
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.plugins import family
from tests.support.golden import assert_golden
from tests.support.published import assert_published
from tests.support.reports import DELIVERED, HOSTILE, REPORTS, STALE, STEPS, hostile_report

if TYPE_CHECKING:
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.report import Report

NAMES = family("formats").names()
TEMPLATES: Templates = JinjaTemplates()
EXTENSIONS = {"text": ".txt", "json": ".json", "markdown": ".md"}
RUNNER_BYTES = 1 << 20
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
hostile_text = st.one_of(
    st.text(min_size=1),
    st.text(alphabet="|`*_~<>[]()!#@&:;%\\\n\r-+=\"'{}$^ ax1", min_size=1, max_size=60),
    st.text().map(lambda text: HOSTILE + text),
).filter(one_line)


def format_of(name: str) -> Format:
    kind = family("formats").load(name)
    assert issubclass(kind, Format)
    return kind()


def render(name: str, report: Report) -> str:
    return format_of(name).render(report, TEMPLATES)


def large(report: Report, times: int) -> Report:
    return replace(
        report,
        results=(STALE,) * times,
        steps=STEPS * times,
        deliveries=DELIVERED * times,
        notes=("note",) * times,
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_format_documents_itself(name: str) -> None:
    kind = family("formats").load(name)
    module = inspect.getmodule(kind)
    assert kind.plugin_name() == name
    assert module is not None
    assert module.__doc__ is not None
    assert kind.__doc__ is not None
    assert module.__doc__.splitlines()[0] == kind.__doc__.splitlines()[0]
    assert format_of(name).extension == EXTENSIONS.get(name, format_of(name).extension) != ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", REPORTS)
def test_the_report_is_the_golden_one(name: str, kind: str) -> None:
    assert_golden(f"formats/{name}/{kind}{format_of(name).extension}", render(name, REPORTS[kind]))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=60)
@given(text=hostile_text)
def test_any_text_gives_a_report_that_can_be_written_and_ends_its_line(name: str, text: str) -> None:
    shown = render(name, hostile_report(text))
    assert shown.encode("utf-8").endswith(b"\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


@settings(deadline=None, max_examples=60)
@given(text=hostile_text)
def test_no_line_of_the_text_is_a_command_of_the_runner(text: str) -> None:
    lines = render("text", hostile_report(text)).split("\n")
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in lines)
    assert "##[" not in render("json", hostile_report(text))


@pytest.mark.parametrize("kind", REPORTS)
def test_json_fits_the_published_schema(kind: str) -> None:
    document = json.loads(render("json", REPORTS[kind]))
    assert_published(document, "report-1")


@settings(deadline=None, max_examples=60)
@given(text=st.text())
def test_json_keeps_every_text_as_it_is(text: str) -> None:
    document = json.loads(render("json", hostile_report(text)))
    assert document["sentence"] == text
    assert document["results"][0]["findings"][0]["observed"] == text
    assert document["results"][0]["facts"]["endless"] is None


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
@given(text=hostile_text)
def test_no_text_changes_the_structure_of_the_summary(text: str) -> None:
    calm = structure(render("markdown", hostile_report("calm")))
    assert structure(render("markdown", hostile_report(text))) == calm


@settings(deadline=None, max_examples=100)
@given(text=hostile_text)
def test_no_text_mentions_anybody_or_runs_anything_in_the_summary(text: str) -> None:
    shown = MARKDOWN.render(render("markdown", hostile_report(text)))
    outside_code = re.sub(r"<(code|pre)\b.*?</\1>", "", shown, flags=re.DOTALL)
    assert not re.search(r"(?<![\w&;])@\w", outside_code)
    assert not re.search(
        r"<(?!/?(h[2-6]|p|ul|ol|li|strong|em|code|pre|sub|table|thead|tbody|tr|t[hd]|blockquote|br|hr)\b)",
        shown,
    )
    assert not re.search(r"\son\w+=|javascript:", re.sub(r">[^<]*<", "><", shown))


@settings(deadline=None, max_examples=100)
@given(text=hostile_text)
def test_the_timeline_has_one_line_for_each_step(text: str) -> None:
    fences = [
        token for token in MARKDOWN.parse(render("markdown", hostile_report(text))) if token.type == "fence"
    ]
    lines = fences[0].content.splitlines()
    assert [token.info for token in fences] == ["mermaid"]
    assert len(lines) == 7
    assert lines[5].startswith("    section ")
    assert re.fullmatch(r"    [^:;#,%]+ :crit, 2000-01-01 00:00:00\.000, 1000ms", lines[6])


@pytest.mark.parametrize("times", [17, 400])
def test_a_summary_has_at_most_fifty_of_each_and_says_how_many_more(times: int) -> None:
    shown = render("markdown", large(REPORTS["pass"], times))
    assert len(shown.encode("utf-8")) < RUNNER_BYTES / 8
    assert shown.count("| ❌ fail | revision |") == min(50, times)
    assert (f"… and {times - 50} more" in shown) is (times > 50)
    assert f"… and {3 * times - 50} more" in shown


def test_a_summary_of_the_longest_texts_still_fits_into_the_runners_limit() -> None:
    endless = large(hostile_report("&" * 100_000), 1)
    assert len(render("markdown", endless).encode("utf-8")) < RUNNER_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_report_whose_secrets_are_hidden_text_by_text_stays_well_formed(name: str) -> None:
    """Redacting a finished document would take quotes and numbers along: `"token_count": ***`."""
    sentence = 'it said password="hunter2hunter2" at https://mona:hunter2hunter2@shop.example.com'
    leaking = replace(REPORTS["pass"], sentence=sentence, results=(replace(STALE, facts={"token_count": 3}),))
    shown = render(name, map_texts(leaking, Redactor()))
    assert "hunter2" not in shown
    if name == "json":
        assert_published(json.loads(shown), "report-1")
