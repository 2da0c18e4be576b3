"""Any value as JSON text: bounded, redacted, and never failing.

Written for the common case: a few short texts and numbers, each examined once.
Everything is ASCII, so that no line end, no direction mark and no terminal
command of a hostile value reaches a screen or a log shipper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

from ci_ops.core.text.lines import encodable
from ci_ops.core.text.redact import Redactor, redact_patterns
from ci_ops.core.text.secret import HIDDEN

MAX_TEXT_LENGTH = 4096
MAX_NAME_LENGTH = 128
MAX_ITEMS = 64
MAX_DEPTH = 6
MAX_NESTED_LENGTH = 32_768
quote = encode_basestring_ascii
"""A text as a JSON string in ASCII, whatever is in it."""

CUT = "\u2026"
"""Stands where something was left out."""

RESERVED = frozenset({"time", "level", "logger", "message", "event_type", "event", "exception"})
"""Names that a line has anyway; a field of that name gets an underscore behind it."""

_HIDDEN_TEXT = quote(HIDDEN)
_CUT_TEXT = quote(CUT)


class _Hiding:
    """How texts are redacted: by patterns alone, until the application names secrets."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        self.redact: Callable[[str], str] = redact_patterns
        self.looks_at_all = False


_hiding = _Hiding()


def hide_in_logs(*secrets: str) -> None:
    """Redact these values and their usual encodings on every line from now on."""
    _hiding.redactor.add(*secrets)
    _hiding.redact, _hiding.looks_at_all = _hiding.redactor, True


def encode_fields(fields: Mapping[str, Any]) -> str:
    """Return the members of a JSON object, without its braces."""
    parts = []
    for name, value in fields.items():
        key, is_secret = _key(name if len(name) <= MAX_NAME_LENGTH else name[:MAX_NAME_LENGTH])
        kind = type(value)
        if kind is str and not is_secret:
            # What encode_text does, for nearly every text: each line has several, and a call costs as much.
            is_plain = len(value) < 512 and ":" not in value and "=" not in value and value.isascii()
            parts.append(
                key + (quote(value) if is_plain and not _hiding.looks_at_all else encode_text(value))
            )
        elif kind is int or kind is float:
            parts.append(key + _number(value))
        else:
            parts.append(key + _member(value, is_secret=is_secret))
    return ",".join(parts)


def encode_text(text: str) -> str:
    """Return a JSON string, cut and redacted."""
    if ":" in text or "=" in text or _hiding.looks_at_all:
        # Twice the length, so that the cut cannot take away what shows a secret to be one.
        text = _hiding.redact(text[: 2 * MAX_TEXT_LENGTH])
    if len(text) > MAX_TEXT_LENGTH:
        text = text[:MAX_TEXT_LENGTH] + CUT
    return quote(text) if text.isascii() else quote(encodable(text))


def encode_end(text: str, limit: int) -> str:
    """Return a JSON string of the last so many characters, redacted."""
    shown = _hiding.redact(text[-2 * limit :])
    return quote(encodable(shown if len(shown) <= limit else CUT + shown[-limit:]))


def encode_value(value: Any) -> str:
    """Return any value as JSON, up to a length and a depth."""
    return _Writer().write(value, 0)


@lru_cache(maxsize=2048)
def _key(name: str) -> tuple[str, bool]:
    """A member's name with its colon, and whether its value is a secret by that name."""
    shown = f"{name}_" if name in RESERVED else name
    return quote(encodable(shown)) + ":", is_secret_name(name)


def is_secret_name(name: str) -> bool:
    """Return True for names like `password` or `api_key`, by the rule that redacts `password=…` in text."""
    return "cookie" in name.lower() or redact_patterns(f"{name}=value") != f"{name}=value"


def _number(value: Any) -> str:
    try:
        return repr(value) if isfinite(value) else quote(str(value))
    except (OverflowError, ValueError):  # an integer too long for a float, perhaps too long to be written
        return repr(value) if value.bit_length() < 4096 else _CUT_TEXT


def _member(value: Any, *, is_secret: bool) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return _HIDDEN_TEXT if is_secret else encode_value(value)


class _Writer:
    """Writes one value that holds others, up to a length and a depth."""

    def __init__(self) -> None:
        self._left = MAX_NESTED_LENGTH

    def write(self, value: Any, depth: int) -> str:
        if self._left <= 0:
            return _CUT_TEXT
        try:
            text = self._container(value, depth) if is_container(value) else _single(value)
        except Exception as error:  # noqa: BLE001 - whatever a foreign object raises, a line is written
            text = quote(f"(unprintable {type(value).__name__}: {type(error).__name__})")
        self._left -= len(text)
        return text

    def _container(self, value: Any, depth: int) -> str:
        if depth >= MAX_DEPTH:
            return _CUT_TEXT
        if isinstance(value, Mapping):
            items = [self._pair(name, each, depth) for name, each in _first(value.items())]
            items += [f"{_CUT_TEXT}:{_CUT_TEXT}"] if len(value) > MAX_ITEMS else []
            return "{" + ",".join(items) + "}"
        items = [self.write(each, depth + 1) for each in _first(value)]
        items += [_CUT_TEXT] if len(value) > MAX_ITEMS else []
        return "[" + ",".join(items) + "]"

    def _pair(self, name: Any, value: Any, depth: int) -> str:
        shown = (name if type(name) is str else str(name))[:MAX_NAME_LENGTH]
        is_secret = is_secret_name(shown) and not isinstance(value, int | float | None)
        return f"{encode_text(shown)}:{_HIDDEN_TEXT if is_secret else self.write(value, depth + 1)}"


def is_container(value: Any) -> bool:
    """Return True for a value that is written item by item."""
    return isinstance(value, Mapping | list | tuple | set | frozenset)


def _first(items: Any) -> list[Any]:
    return [each for each, _ in zip(items, range(MAX_ITEMS), strict=False)]


def _single(value: Any) -> str:
    if isinstance(value, Enum):
        return _single(value.value)
    if isinstance(value, str):
        return encode_text(str(value))
    if value is None or isinstance(value, bool):
        return _member(value, is_secret=False)
    if isinstance(value, int | float):
        return _number(int(value) if isinstance(value, int) else float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return encode_text(bytes(value[: 2 * MAX_TEXT_LENGTH]).decode("utf-8", "replace"))
    if isinstance(value, datetime | date | time):
        return quote(value.isoformat())
    if isinstance(value, BaseException):
        return encode_text(f"{type(value).__name__}: {value}")
    return encode_text(str(value))
