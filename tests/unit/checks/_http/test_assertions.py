from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.checks._http.assertions import (
    MAX_SEARCHED_CHARACTERS,
    check_assertion,
    check_assertions,
    check_pattern,
    holds,
    in_words,
    search,
    text_of,
)
from ci_ops.checks._http.jsonpath import MISSING


@pytest.mark.parametrize(
    ("value", "expected", "is_so"),
    [
        ("ok", "ok", True),
        ("OK", "ok", False),
        (1, 1.0, True),
        (1, True, False),
        (True, True, True),
        (True, 1, False),
        (None, None, True),
        (MISSING, None, False),
        ("1", 1, False),
        ([1], {"equals": [1]}, True),
        ("v2.1", {"matches": "^v2"}, True),
        (2, {"matches": "2"}, False),
        (MISSING, {"matches": ""}, False),
        (5, {"min": 1, "max": 5}, True),
        (6, {"min": 1, "max": 5}, False),
        ("5", {"min": 1}, False),
        (True, {"max": 5}, False),
        (MISSING, {"max": 5}, False),
        (None, {"exists": True}, True),
        (MISSING, {"exists": False}, True),
        (MISSING, {"exists": True}, False),
        ("up", {"not": "down"}, True),
        ("down", {"not": "down"}, False),
        (MISSING, {"not": "down"}, True),
        (7, {"not": {"max": 5}}, True),
        (MISSING, {"not": "down", "exists": True}, False),
    ],
)
def test_an_assertion_compares_values_of_one_kind(value: object, expected: object, *, is_so: bool) -> None:
    check_assertion(expected)
    assert holds(value, expected) is is_so


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ({}, "an assertion needs at least one operator"),
        ([1], "a list is no assertion"),
        ({"equal": 1}, "`equal` is no operator; did you mean equals?"),
        ({"exists": "yes"}, "`exists` takes true or false"),
        ({"matches": "("}, "matches: this is no regular expression"),
        ({"matches": 5}, "matches: a pattern is text"),
        ({"min": "1"}, "`min` takes a number"),
        ({"max": True}, "`max` takes a number"),
        ({"not": {"near": 1}}, "`near` is no operator"),
    ],
)
def test_an_assertion_that_cannot_be_meant_is_refused(expected: object, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + sentence.replace("?", r"\?").replace("(", r"\(")):
        check_assertion(expected)


def test_a_problem_in_a_map_of_assertions_names_its_key() -> None:
    with pytest.raises(ValueError, match=r"^json: \$\.a: `exists` takes"):
        check_assertions("json", {"$.a": {"exists": 1}}, paths=True)
    with pytest.raises(ValueError, match=r"^json: a: the path 'a'"):
        check_assertions("json", {"a": 1}, paths=True)
    check_assertions("headers", {"content-type": "text/plain"}, paths=False)


def test_assertions_are_told_in_words() -> None:
    assert in_words({"min": 1, "max": 100}) == "at least 1 and at most 100"
    assert in_words({"not": "down"}) == 'not "down"'
    assert in_words({"matches": "^v2", "exists": True}) == "text that matches ^v2 and anything"
    assert in_words({"exists": False}) == "nothing"
    assert in_words({"equals": None}) == "null"


def test_a_value_is_told_as_json_and_what_is_no_json_by_its_kind() -> None:
    assert text_of(MISSING) == "nothing"
    assert text_of({"ä": 1}) == '{"ä": 1}'
    assert text_of({1, 2}) == "a set"


def test_a_pattern_sees_only_the_start_of_a_long_body() -> None:
    assert search("needle", "needle" + "." * MAX_SEARCHED_CHARACTERS)
    assert not search("needle", "." * MAX_SEARCHED_CHARACTERS + "needle")


def test_a_good_pattern_is_accepted() -> None:
    check_pattern("matches", "^v[0-9]+$")
    assert search("^v[0-9]+$", "v12")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists), st.integers(), st.text()
)
def test_any_value_is_held_against_any_assertion_without_an_error(value: Any, number: int, text: str) -> None:
    for expected in ({"equals": text}, {"min": number}, {"max": number}, {"exists": True}, {"not": text}):
        assert holds(value, expected) in {True, False}
        assert in_words(expected)
