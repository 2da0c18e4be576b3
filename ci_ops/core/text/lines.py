"""Sanitizing of untrusted text for display on one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

Anything = TypeVar("Anything")

_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return the text on one line, without control, invisible and direction characters.

    Runs of spaces and line ends become one space.
    """
    return _GAPS.sub(" ", without_invisible(encodable(text))).strip()


def without_invisible(text: str) -> str:
    """Return the text without direction marks and other zero-width characters."""
    return _INVISIBLE.sub("", text)


def as_sentence(text: str) -> str:
    """Return the text with a full stop unless it ends in punctuation."""
    return text if not text or text[-1] in ".!?:…" else f"{text}."


def encodable(text: str) -> str:
    """Return the text with lone surrogates replaced, so that UTF-8 can encode it."""
    return _SURROGATES.sub("\ufffd", text)


def console_line(text: str) -> str:
    """Return one line that a terminal and a GitHub runner print but never execute.

    Source: actions/runner ActionCommand.cs: `##[name]` is a command anywhere
    in a line, `::name::` at its start.
    """
    line = one_line(text).replace("##[", "## [")
    return f": {line}" if line.startswith("::") else line


def columns(text: str) -> int:
    """Return how many columns of a terminal the text occupies."""
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def padded(text: str, width: int) -> str:
    """Return the text padded with spaces to that many columns."""
    return text + " " * max(0, width - columns(text))


def map_texts(value: Anything, change: Callable[[str], str]) -> Anything:
    """Return the value with every text in it mapped, through dataclasses, tuples, lists and mappings.

    Members of an enumeration stay unchanged.
    """
    inside: Any = value
    if type(inside) is str:
        inside = change(inside)
    elif isinstance(inside, tuple | list):
        inside = type(inside)(map_texts(each, change) for each in inside)
    elif isinstance(inside, Mapping):
        inside = {map_texts(key, change): map_texts(each, change) for key, each in inside.items()}
    elif is_dataclass(inside):
        names = [each.name for each in fields(inside) if each.init]
        inside = replace(
            cast("Any", inside), **{name: map_texts(getattr(inside, name), change) for name in names}
        )
    return cast("Anything", inside)
