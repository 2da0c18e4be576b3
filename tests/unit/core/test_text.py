"""Text from outside becomes one harmless line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.text import columns, console_line, encodable, one_line, padded


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
def test_blanks_are_folded_and_controls_taken_out(text: str, line: str):
    assert one_line(text) == line


@given(st.text())
def test_any_text_becomes_one_line_that_utf8_can_write(text: str):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.encode("utf-8").decode("utf-8") == line
    assert one_line(line) == line


@given(st.text())
def test_a_console_line_holds_no_command_of_the_runner(text: str):
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
def test_commands_are_shown_but_not_obeyed(text: str, line: str):
    assert console_line(text) == line


def test_half_a_surrogate_pair_is_replaced_and_the_rest_kept():
    assert encodable("a\udcffb\n") == "a\ufffdb\n"


def test_padding_counts_columns_not_characters():
    assert columns("e\u0301") == 1
    assert padded("日本", 6) == "日本  "
    assert padded("long", 2) == "long"
