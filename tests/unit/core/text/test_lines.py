"""Text from outside becomes one harmless line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.health.status import Status
from ci_ops.core.text.lines import columns, console_line, encodable, map_texts, one_line, padded


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("  two\r\nlines\t\u2028here ", "two lines here"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred [0m"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("family 👩\u200d👧", "family 👩\u200d👧"),
        ("", ""),
    ],
)
def test_blanks_are_folded_and_controls_taken_out(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_any_text_becomes_one_line_that_utf8_can_write(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.encode("utf-8").decode("utf-8") == line
    assert one_line(line) == line


@given(st.text())
def test_a_console_line_holds_no_command_of_the_runner(text: str) -> None:
    line = console_line(text)
    assert not line.lstrip().startswith("::")
    assert "##[" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("::set-output name=x::1", ": ::set-output name=x::1"),
        ("mid ##[add-mask]line", "mid ## [add-mask]line"),
        ("#\u200b#[group]", "## [group]"),
    ],
)
def test_commands_are_shown_but_not_obeyed(text: str, line: str) -> None:
    assert console_line(text) == line


def test_half_a_surrogate_pair_is_replaced_and_the_rest_kept() -> None:
    assert encodable("a\udcffb\n") == "a\ufffdb\n"


def test_padding_counts_columns_not_characters() -> None:
    assert columns("e\u0301") == 1
    assert padded("日本", 6) == "日本  "
    assert padded("long", 2) == "long"


def test_every_text_inside_a_value_is_changed_and_nothing_else() -> None:
    @dataclass(frozen=True)
    class Thing:
        word: str
        status: Status
        more: tuple[str, ...]
        facts: dict[str, list[Any]]

    thing = Thing(word="a", status=Status.PASS, more=("b",), facts={"c": ["d", 1, None]})
    changed = map_texts(thing, str.upper)
    assert changed == Thing(word="A", status=Status.PASS, more=("B",), facts={"C": ["D", 1, None]})
