"""Conversion of one written value to the value of a field; no message repeats the value.

No sentence repeats the value.
"""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.config.safe_text import invisible_in
from ci_ops.config.scalars import resolve
from ci_ops.config.shapes import Choice, Either, ListOf, One
from ci_ops.core.text.durations import parse_duration
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.text.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci_ops.config.scalars import Plain
from ci_ops.config.shapes import Kind, Shape

TEXTS: frozenset[Kind] = frozenset({"text", "secret", "shell", "path"})
"""Kinds that keep a number as it was written: `1.10` stays `1.10`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS: dict[Kind, str] = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "duration": "a duration such as 500ms, 30s or 2m",
    "secret": "a text such as ${API_TOKEN}",
    "shell": "a command line",
    "date": "a day such as 2027-01-31",
    "path": "a path",
    "anything": "a value",
}


def wanted(shape: Shape) -> str:
    """Return what the shape accepts, in words."""
    if isinstance(shape, One):
        return _WORDS[shape.kind]
    if isinstance(shape, Choice):
        return one_of(str(each) for each in shape.values)
    if isinstance(shape, Either):
        return one_of(wanted(each) for each in shape.shapes)
    return "a list" if isinstance(shape, ListOf) else "keys and values"


def one_of(words: Iterable[str]) -> str:
    """Return the alternatives as `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def convert(shape: One | Choice, text: str, value: Plain) -> Any:
    """Return the field's value for the written text. Raises ValueError with a sentence.

    Raises ValueError with a sentence.
    """
    try:
        if isinstance(shape, Choice):
            return shape.make(_chosen(shape, text, value))
        return _CONVERT[shape.kind](text, value)
    except ValueError as error:
        raise ValueError(f"{error}{_remark(shape, text, value)}") from None


def _remark(shape: One | Choice, text: str, value: Plain) -> str:
    """Return a remark on an invisible fault in a value that looks right; empty for none."""
    if hidden := invisible_in(text):
        return f"; the value contains the invisible character {hidden}"
    takes_numbers = (
        shape.kind in {"integer", "number", "boolean"}
        if isinstance(shape, One)
        else any(isinstance(each, int) for each in shape.values)
    )
    if takes_numbers and isinstance(value, str) and not isinstance(resolve(text), str):
        return "; the quotes make it a text, remove them"
    return ""


def _chosen(shape: Choice, text: str, value: Plain) -> str | int:
    for each in shape.values:
        if each == (text if isinstance(each, str) else value) and not isinstance(value, bool):
            return each
    others = () if invisible_in(text) else (str(each) for each in shape.values if str(each) != text)
    near = did_you_mean(text, others)
    raise ValueError(f"expected {wanted(shape)}{near}")


def _text(text: str, value: Plain) -> str:
    if value is None:
        raise ValueError("expected a text, and nothing is there; leave the key out for its default")
    if isinstance(value, bool):
        raise ValueError("expected a text; put it in quotes")
    if "\0" in text:
        raise ValueError("expected a text without the character U+0000")
    return text


def _secret(text: str, value: Plain) -> Secret:
    if not _text(text, value):
        raise ValueError("expected a secret, and it is empty")
    return Secret(text)


def _path(text: str, value: Plain) -> Path:
    return Path(_text(text, value))


def _integer(_: str, value: Plain) -> int:
    # JSON and its schemas know no difference between 8 and 8.0.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(whole, int) or isinstance(whole, bool):
        raise ValueError(f"expected {_WORDS['integer']}")
    return whole


def _number(_: str, value: Plain) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"expected {_WORDS['number']}")
    return float(value)


def _boolean(_: str, value: Plain) -> bool:
    if not isinstance(value, bool):
        near = did_you_mean(str(value), (each for each in ("true", "false") if each != value))
        raise ValueError(f"expected {_WORDS['boolean']}{near}")
    return value


def _duration(_: str, value: Plain) -> float:
    return parse_duration(value)


def _day(text: str, _: Plain) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a day that the calendar has") from None
    raise ValueError(f"expected {_WORDS['date']}")


def _anything(_: str, value: Plain) -> Plain:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a value that JSON has too")
    return value


_CONVERT: dict[Kind, Callable[[str, Plain], Any]] = {
    "text": _text,
    "secret": _secret,
    "shell": _text,
    "path": _path,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "duration": _duration,
    "date": _day,
    "anything": _anything,
}
