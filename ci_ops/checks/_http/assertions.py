"""Assertions on values: `ok`, `{min: 1, max: 100}`, `{matches: ^v2}`, `{not: down}`.

A plain value means `equals`. Several operators in one map must all hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ci_ops.checks._http.jsonpath import MISSING, parse_path
from ci_ops.core.text.nearmiss import did_you_mean

MAX_SEARCHED_CHARACTERS = 20_000
"""A pattern sees no more of a text: bodies are hostile, and patterns can be slow."""


def check_assertion(expected: Any) -> None:
    """Raise ValueError with a sentence for an invalid assertion."""
    if not isinstance(expected, Mapping):
        _refuse_unless(not isinstance(expected, list), "a list is no assertion: use `equals: […]`")
        return
    _refuse_unless(bool(expected), "an assertion needs at least one operator, such as `equals`")
    for operator, operand in expected.items():
        _known(str(operator))
        if operator == "exists":
            _refuse_unless(isinstance(operand, bool), "`exists` takes true or false")
        elif operator == "matches":
            check_pattern(operator, operand)
        elif operator in {"min", "max"}:
            _refuse_unless(_is_number(operand), f"`{operator}` takes a number")
        elif operator == "not":
            check_assertion(operand)


def check_assertions(field: str, expected: Mapping[str, Any], *, paths: bool) -> None:
    """Raise ValueError for the first invalid assertion of a field.

    With `paths` the keys are JSON paths.
    """
    for key, assertion in expected.items():
        try:
            if paths:
                parse_path(key)
            check_assertion(assertion)
        except ValueError as error:
            raise ValueError(f"{field}: {key}: {error}") from None


def check_pattern(field: str, pattern: object) -> None:
    """Raise ValueError with a sentence, which begins with the field, for an invalid pattern."""
    _refuse_unless(isinstance(pattern, str), f"{field}: a pattern is text, such as ^v2")
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ValueError(f"{field}: this is no regular expression: {error.msg}") from None


def holds(value: Any, expected: Any) -> bool:
    """Return True when the value, which may be MISSING, satisfies the assertion."""
    if not isinstance(expected, Mapping):
        return _equals(value, expected)
    return all(_OPERATORS[operator](value, operand) for operator, operand in expected.items())


def in_words(expected: Any) -> str:
    """Return the assertion in words: `between 1 and 100`, `not "down"`."""
    if not isinstance(expected, Mapping):
        return text_of(expected)
    return " and ".join(_in_words(operator, operand) for operator, operand in expected.items())


def text_of(value: Any) -> str:
    """Return a JSON value as short text; a missing one is `nothing`."""
    if value is MISSING:
        return "nothing"
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return f"a {type(value).__name__}"


def search(pattern: str, text: str) -> bool:
    """Return True when the pattern matches within the beginning of the text."""
    return re.search(pattern, text[:MAX_SEARCHED_CHARACTERS]) is not None


def _equals(value: Any, expected: Any) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if _is_number(value) and _is_number(expected):
        return bool(value == expected)
    return type(value) is type(expected) and bool(value == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _equals,
    "exists": lambda value, wanted: (value is not MISSING) is wanted,
    "matches": lambda value, pattern: isinstance(value, str) and search(pattern, value),
    "min": lambda value, limit: _is_number(value) and value >= limit,
    "max": lambda value, limit: _is_number(value) and value <= limit,
    "not": lambda value, expected: not holds(value, expected),
}


def _in_words(operator: str, operand: Any) -> str:
    words = {"min": "at least ", "max": "at most ", "matches": "text that matches ", "equals": ""}
    if operator == "exists":
        return "anything" if operand else "nothing"
    if operator == "not":
        return f"not {in_words(operand)}"
    return f"{words[operator]}{operand if operator == 'matches' else text_of(operand)}"


def _known(operator: str) -> None:
    if operator in _OPERATORS:
        return
    raise ValueError(f"`{operator}` is no operator{did_you_mean(operator, tuple(_OPERATORS))}")


def _refuse_unless(good: bool, sentence: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not good:
        raise ValueError(sentence)
