"""The types of unquoted values: the core schema of YAML 1.2.

So `on`, `yes` and `no` are texts, `2027-01-31` is a text, `010` is ten, and
`1:30` is a text. Source: YAML 1.2.2 section 10.3.2.
"""

from __future__ import annotations

import re

Plain = str | int | float | bool | None

MAX_NUMBER_CHARACTERS = 200
"""A longer row of digits stays a text: no field takes it, and not every one fits a float."""

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys(
        (f"{sign}{word}" for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")
    ),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> Plain:
    """Return the null, boolean, number or text that a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_NUMBER_CHARACTERS:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
