"""Parsing of environment variables into values, and the description of valid ones."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from ci_ops.core.contract.dburl import database_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Kind = Literal["str", "int", "float", "bool", "url", "list", "choice"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TRUE_WORDS = frozenset({"1", "true", "yes", "on", "t", "y"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", "f", "n"})

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,3})?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_GREATEST = sys.float_info.max
_WEB = frozenset({"http", "https", "ws", "wss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The constraints on a value."""

    kind: Kind = "str"
    secret: bool = False
    """Read as a Secret, and never written into an example."""
    minimum: float | None = None
    """Of numbers, and of the numbers of a list."""
    maximum: float | None = None
    min_length: int = 0
    """Of the whole text, in characters."""
    max_length: int | None = None
    min_different: int = 0
    """Characters that are different from each other: `aaaa…` is long and no secret."""
    pattern: str = ""
    """A regular expression for the whole text, or for each item of a list."""
    choices: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    """Of a URL, without a driver's suffix: `postgresql` also takes postgresql+asyncpg://."""
    items: Kind = "str"
    """Of a list; items are separated by commas."""


def as_text(value: Any) -> str:
    """Return the value's text in an environment variable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(as_text, value)) if isinstance(value, tuple | list) else str(value)


def value_of(rules: Rules, text: str) -> Any:
    """Return the value of the text. Raises ValueError, which does not reveal the text."""
    if len(text) < rules.min_length or (rules.max_length is not None and len(text) > rules.max_length):
        raise ValueError("length")
    if rules.kind == "list":
        return tuple(_item(rules, rules.items, each.strip()) for each in text.split(","))
    return _item(rules, rules.kind, text)


def bounds_faults(rules: Rules) -> Iterator[str]:
    """Return the problems with a variable's declared bounds and choices.

    NaN passes every negated comparison, so each condition is stated positively.
    """
    numbers = [each for each in (rules.minimum, rules.maximum) if each is not None]
    in_order = all(abs(each) <= _GREATEST for each in numbers) and numbers == sorted(numbers)
    if not in_order:
        yield "its minimum and its maximum are numbers with an end, in this order"
    longest = math.inf if rules.max_length is None else rules.max_length
    if not 0 <= rules.min_length <= longest or not 0 <= rules.min_different <= longest:
        yield "its lengths are not negative, and the longest is not shorter than the others"
    if any(not each or each != each.strip() for each in rules.choices):
        yield "a choice is not empty, and has no blanks around it"


def is_weak(rules: Rules, text: str) -> bool:
    """Return True for a secret that is too short, or has too few different characters."""
    if not rules.secret:
        return False
    return len(text) < rules.min_length or len(set(text)) < rules.min_different


def expected_form(rules: Rules) -> str:
    """Return a description of a valid value."""
    if rules.kind == "choice":
        return f"one of {', '.join(rules.choices)}" if len(rules.choices) > 1 else rules.choices[0]
    if rules.kind == "bool":
        return "true or false"
    if rules.kind == "list":
        return f"{_PLURALS[rules.items]}{_range(rules)}, separated by commas{_matching(rules)}"
    if rules.kind == "url":
        heads = " or ".join(f"{each}://" for each in rules.schemes)
        return f"an address that begins with {heads or 'its scheme, such as https://'}{_matching(rules)}"
    if rules.kind == "str":
        return f"text{_lengths(rules)}{_matching(rules)}"
    return ("a whole number" if rules.kind == "int" else "a number") + _range(rules)


_PLURALS = {"str": "texts", "int": "whole numbers", "float": "numbers", "url": "addresses"}


def _range(rules: Rules) -> str:
    if rules.minimum is not None and rules.maximum is not None:
        return f" from {rules.minimum:g} to {rules.maximum:g}"
    if rules.minimum is not None:
        return f" of at least {rules.minimum:g}"
    return "" if rules.maximum is None else f" of at most {rules.maximum:g}"


def _lengths(rules: Rules) -> str:
    bounds = [f"at least {rules.min_length}"] if rules.min_length else []
    bounds += [f"at most {rules.max_length}"] if rules.max_length is not None else []
    different = f", {rules.min_different} of them different" if rules.min_different else ""
    return (f" of {' and '.join(bounds)} characters" if bounds else "") + different


def _matching(rules: Rules) -> str:
    return f" that matches {rules.pattern} as a whole" if rules.pattern else ""


def _item(rules: Rules, kind: Kind, text: str) -> Any:
    if rules.pattern and re.fullmatch(rules.pattern, text) is None:
        raise ValueError("pattern")
    return _READERS[kind](rules, text)


def _text(rules: Rules, text: str) -> str:
    if not text or len(set(text)) < rules.min_different:
        raise ValueError("text")
    return text


def _whole(rules: Rules, text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("number")
    return int(_within(rules, int(text)))


def _number(rules: Rules, text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("number")
    return _within(rules, float(text))


def _within(rules: Rules, value: float) -> float:
    is_small = rules.minimum is not None and value < rules.minimum
    is_great = rules.maximum is not None and value > rules.maximum
    if is_small or is_great or not math.isfinite(value):
        raise ValueError("range")
    return value


def _switch(rules: Rules, text: str) -> bool:
    del rules
    word = text.casefold()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ValueError("word")
    return word in TRUE_WORDS


def _choice(rules: Rules, text: str) -> str:
    if text not in rules.choices:
        raise ValueError("choice")
    return text


def _address(rules: Rules, text: str) -> str:
    kind = database_kind(text)
    known = {database_kind(f"{each}://") for each in rules.schemes}
    if _SCHEME.match(text) is None or _BLANK.search(text) or (known and kind not in known):
        raise ValueError("scheme")
    if kind != "sqlite":  # whose address is a path
        place = urlsplit(text).netloc.rpartition("@")[2]
        hosts = [place] if kind in _WEB else place.split(",")  # databases may have several
        parts = [urlsplit(f"//{each}") for each in hosts]
        if any(each.port == 0 for each in parts) or (kind in _WEB and not parts[0].hostname):
            raise ValueError("host")
    return text


_READERS: dict[Kind, Callable[[Rules, str], Any]] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "bool": _switch,
    "url": _address,
    "choice": _choice,
}
