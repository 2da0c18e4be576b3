"""The tables are those of YAML 1.2.2 section 10.3.2, with its own examples."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.config.scalars import MAX_NUMBER_CHARACTERS, resolve

INTEGERS = st.from_regex(r"[-+]?[0-9]{1,30}", fullmatch=True)
OCTALS = st.from_regex(r"0o[0-7]{1,30}", fullmatch=True)
HEXADECIMALS = st.from_regex(r"0x[0-9a-fA-F]{1,30}", fullmatch=True)
FLOATS = st.from_regex(
    r"[-+]?(\.[0-9]{1,9}|[0-9]{1,9}(\.[0-9]{0,9})?)([eE][-+]?[0-9]{1,3})?", fullmatch=True
).filter(lambda text: re.fullmatch("[-+]?[0-9]+", text) is None)
ANY_RULE = re.compile(
    r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
)
"""The regular expressions of the table, as they stand there."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("0", 0), ("0o7", 7), ("0x3A", 58), ("-19", -19), ("010", 10), ("+12", 12), ("0o14", 12)],
        *[("0.", 0.0), ("-0.0", 0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0)],
        *[(".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("1e999", math.inf)],
    ],
)
def test_the_examples_of_the_table_mean_what_it_says(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "n", "nULL", "tRUE", "Yes", "OFF"),
        *("2027-01-31", "2027-01-31T08:00:00Z", "1:30", "12:30:45", "190:20:30"),
        *("1_000", "0b101", "0O17", "0X1F", "1e", ".", "-.", "+", "-.nan", "1.2.3", "=", "<<", "٣"),
    ],
)
def test_what_only_yaml_1_1_knows_is_a_text(text: str) -> None:
    assert resolve(text) == text


@given(INTEGERS)
def test_rows_of_digits_are_decimal_whatever_they_begin_with(text: str) -> None:
    assert resolve(text) == int(text, 10)


@given(st.one_of(OCTALS, HEXADECIMALS))
def test_octals_and_hexadecimals_have_their_prefix(text: str) -> None:
    assert resolve(text) == int(text[2:], 8 if text[1] == "o" else 16)


@given(FLOATS)
def test_floats_are_those_of_the_table(text: str) -> None:
    value = resolve(text)
    assert isinstance(value, float)
    assert value == float(text)


@given(st.text(alphabet="0123456789abcdefoxXOEe+-._nNultrsiIFA~ ", max_size=12))
def test_whatever_no_rule_matches_is_a_text(text: str) -> None:
    assert isinstance(resolve(text), str) == (ANY_RULE.fullmatch(text) is None)


def test_not_a_number_is_one_word_in_three_spellings() -> None:
    assert all(math.isnan(float(str(resolve(text)))) for text in (".nan", ".NaN", ".NAN"))


def test_an_absurdly_long_number_stays_a_text() -> None:
    digits = "9" * (MAX_NUMBER_CHARACTERS + 1)
    assert resolve(digits) == digits
    assert math.isfinite(float(str(resolve("0x" + "f" * (MAX_NUMBER_CHARACTERS - 2)))))
