"""Hostile text stays text, as GitHub's own Markdown parser reads it."""

from __future__ import annotations

import re
from html import unescape

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_ops.core.text.lines import one_line
from ci_ops.edge.escape import FILTERS, LABEL_CHARACTERS, advice, code, duration, md, mermaid

GAP = "\u200b"
HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="|`*_~<>[]()!#@&:;%\\\n\r\t-+=\"'{}$^./ ax17wh", max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(
                    "https://a.example",
                    "www.a.example",
                    "ftp://a",
                    "mailto:a@b.example",
                    "a@b.example",
                    "@team",
                ),
                *(
                    "[x](https://a.example)",
                    "![x](y)",
                    "<script>",
                    "<!--",
                    "&lt;",
                    "&#64;x",
                    "`",
                    "```",
                    "|",
                    "\n",
                ),
                *(
                    "---",
                    "===",
                    "# x",
                    "#1",
                    "GH-1",
                    "o/r#2",
                    "1.",
                    "1)",
                    "- x",
                    "> x",
                    "$x$",
                    "**",
                    "__",
                    "~~",
                ),
                *("[^1]", "[x]: y", "::error::x", "##[error]x", "\\", " ", "a", "\x1b[31m", "\u202e", "<b>"),
            ]
        )
    ).map("".join),
)


def html(markdown: str) -> str:
    rendered: str = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    return rendered


def text_of(rendered: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", rendered)).replace(GAP, "").strip()


def tags_of(rendered: str) -> list[str]:
    return re.findall(r"</?[a-zA-Z][^>]*>|<!--", rendered)


@settings(max_examples=400)
@given(text=HOSTILE)
@example(text="1.")
@example(text="a\n===")
@example(text=":-")
def test_text_in_a_paragraph_stays_the_same_text(text: str) -> None:
    rendered = html(f"before\n{md(text)}\nafter\n\n{md(text)}\n")
    assert set(tags_of(rendered)) <= {"<p>", "</p>"}
    shown = one_line(text)
    assert text_of(html(md(text))) == shown.replace(GAP, "")


@settings(max_examples=400)
@given(text=HOSTILE)
def test_text_in_a_table_a_heading_a_list_or_bold_changes_nothing_around_it(text: str) -> None:
    calm, hostile = (
        html(f"# {each}\n\n- **{each}** x\n\n| a | b |\n|---|---|\n| {each} | stays |\n")
        for each in ("calm", md(text) or "calm")
    )
    assert tags_of(hostile) == tags_of(calm)
    assert "<td>stays</td>" in hostile


@settings(max_examples=400)
@given(text=HOSTILE)
def test_nobody_is_mentioned_and_nothing_is_linked(text: str) -> None:
    shown = md(text)
    assert not re.search(r"@[\w-]|#\\?\d|\b(?:GH|gh)-\d", unescape(shown))
    assert not re.search(r"(?i)://|www\.|mailto:|xmpp:", shown)
    assert "<a " not in html(shown)


@pytest.mark.parametrize(
    "address", ["https://shop.example.com/health", "www.example.com", "HTTP://127.0.0.1:8000/"]
)
def test_an_address_is_no_link_and_can_be_copied_as_it_is(address: str) -> None:
    shown = html(f"It is at {md(address)} now.")
    assert "<a " not in shown
    assert f"It is at {address} now." in unescape(shown)


@settings(max_examples=400)
@given(text=HOSTILE)
def test_no_text_becomes_a_command_of_the_runner(text: str) -> None:
    for name in ("md", "cell", "advice", "code", "mermaid"):
        shown = FILTERS[name](text)
        assert "\n" not in shown
        assert "\r" not in shown
        assert "##[" not in shown
        assert not shown.lstrip().startswith("::")


@settings(max_examples=400)
@given(text=HOSTILE)
def test_inline_code_shows_the_text_and_nothing_else(text: str) -> None:
    rendered = html(f"- x {code(text)} y")
    shown = one_line(text).replace("##[", "## [")
    expected = ["<ul>", "<li>", "<code>", "</code>", "</li>", "</ul>"]
    assert tags_of(rendered) == (expected if shown else ["<ul>", "<li>", "</li>", "</ul>"])
    if shown:
        assert unescape(rendered.partition("<code>")[2].partition("</code>")[0]) == shown


@settings(max_examples=400)
@given(text=HOSTILE)
@example(text="a `b` `c`d`")
@example(text="`a`` `b")
@example(text="1. `a`")
def test_advice_shows_the_text_and_code_alone(text: str) -> None:
    rendered = html(f"- {advice(text)}\n- What to do: {advice(text)} end")
    assert set(tags_of(rendered)) <= {"<ul>", "<li>", "<code>", "</code>", "</li>", "</ul>"}
    shown = unescape(re.sub(r"<[^>]*>", "", rendered).partition("What to do: ")[2]).replace(GAP, "")
    expected = one_line(text).replace("##[", "## [").replace(GAP, "")
    assert "".join(shown.replace("`", "").split()) == "".join(expected.replace("`", "").split()) + "end"


def test_advice_shows_a_command_as_one() -> None:
    assert advice("Run `git restore a_b` now, not a_b.") == r"Run `git restore a_b` now, not a\_b."


@settings(max_examples=400)
@given(text=HOSTILE)
@example(text="click")
@example(text="2026-11-22")
@example(text="section x")
@example(text="endless")
def test_a_mermaid_label_is_one_harmless_word_after_another(text: str) -> None:
    label = mermaid(text)
    assert label.strip()
    assert len(label) <= LABEL_CHARACTERS + 1
    assert not re.search(r"[^\w ./+…\u200b-]|--|__", label)
    assert not re.match(r"(?i)(click|section|title|end|dateformat|axisformat|\d)\b", label)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with (marks) and 100 %", "plain text, with (marks) and 100 %"),
        ("SECRET_KEY is <unset> | `x`", "SECRET\\_KEY is &lt;unset&gt; &#124; \\`x\\`"),
        ("two\nlines\tand \x1b[31mred", "two lines and \\[31mred"),
        ("@team see #12, https://a.example", f"@{GAP}team see \\#{GAP}12, https&#58;//a.example"),
        ("- x", "\\- x"),
        ("12. x", "12\\. x"),
        ("::error::x", "\\::error::x"),
        (None, ""),
        (17, "17"),
    ],
)
def test_what_is_shown_can_still_be_read(text: object, shown: str) -> None:
    assert md(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (None, ""),
        ("ls -l", "`ls -l`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a | b", "`a | b`"),
    ],
)
def test_code_chooses_a_fence_that_the_text_does_not_have(text: object, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Switch: current -> new; #1", "Switch current - new 1"),
        ("end", f"{GAP}end"),
        ("endless", "endless"),
        ("::", "…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_labels_keep_what_can_be_kept(text: str, label: str) -> None:
    assert mermaid(text) == label


@pytest.mark.parametrize(("value", "shown"), [(0.34, "340 ms"), (185, "3 m 05 s"), (None, ""), ("x", "")])
def test_durations_are_shown_for_people(value: object, shown: str) -> None:
    assert duration(value) == shown
