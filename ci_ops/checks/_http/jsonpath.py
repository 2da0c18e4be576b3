"""A small, strict subset of JSONPath: names and indexes, one value or none.

Source: RFC 9535 sections 2.3.1 and 2.3.3 (singular queries), without filters,
wildcards and slices.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"\.(?P<name>[^\x00-@\[-^`{-\x7f][^\x00-,./:-@\[-^`{-\x7f]*)"
    r"|\[(?P<index>0|-?[1-9][0-9]{0,8})\]"
    r"|\['(?P<single>(?:[^'\\]|\\['\\])*)'\]"
    r"|\[\"(?P<double>(?:[^\"\\]|\\[\"\\])*)\"\]"
)
"""A name has letters, digits, `_`, `-` and whatever is not ASCII; said by what it lacks, it compiles in no time."""
_ESCAPED = re.compile(r"\\(.)")

MISSING = object()
"""What `find` gives when the path leads nowhere; a JSON null is None."""


@lru_cache(maxsize=512)
def parse_path(path: str) -> tuple[str | int, ...]:
    """Return the names and indexes of `$.a.b[0]['key']`. Raises ValueError with a sentence."""
    if not path.startswith("$"):
        raise ValueError(f"the path {path!r} does not start with $, as in $.status")
    steps: list[str | int] = []
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise ValueError(
                f"the path {path!r} cannot be read at {path[place : place + 12]!r}: "
                "names and indexes are understood, as in $.a.b[0]['any key']"
            )
        steps.append(_step(match))
        place = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["name"] is not None:
        return match["name"]
    quoted = match["single"] if match["single"] is not None else match["double"]
    return _ESCAPED.sub(r"\1", quoted)


def find(value: Any, path: str) -> Any:
    """Return the value at that path, or MISSING."""
    for step in parse_path(path):
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def read_json(text: str) -> Any:
    """Return the value of untrusted JSON. Raises ValueError with a sentence.

    Duplicate keys, NaN and Infinity are refused: other parsers may read another value.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ValueError("the body is empty")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except _UnsafeError as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None


class _UnsafeError(ValueError):
    """JSON that parsers interpret differently."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _UnsafeError("a key stands twice in one object of the body")
    return found


def _refuse(word: str) -> Any:
    raise _UnsafeError(f"the body has {word} in it, which is not JSON")
