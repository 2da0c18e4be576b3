"""Parsing of `.env` files, in the spellings that common parsers accept."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*"
    r"(?:(?:=|:(?=[ \t]|$))[ \t]*|(?=#|$))(?P<value>.*)"
)
"""`NAME=value`, `NAME: value`, and `NAME` alone, whose value the surroundings give.

Source: docs.docker.com/compose/how-tos/environment-variables/variable-interpolation, section "Env-file
syntax", and the readme of python-dotenv.
"""

_COMMENT = re.compile(r"(?<![ \t])[ \t]+#.*")
_QUOTED = {
    '"': re.compile(r'"(?P<value>(?:\\.|[^"\\])*)"(?P<rest>[^\n]*)', re.DOTALL),
    "'": re.compile(r"'(?P<value>[^']*)'(?P<rest>[^\n]*)"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One variable of the file; comments are skipped."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Dotenv:
    """A file of variables."""

    entries: tuple[Entry, ...]
    """In order; a name may stand twice."""
    unread: tuple[int, ...] = ()
    """Numbers of the lines that are neither a variable nor a comment."""


def read_dotenv(text: str) -> Dotenv:
    """Read every variable that the text sets or names."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    entries: list[Entry] = []
    unread: list[int] = []
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        line = text[start:end]
        if line.strip() and not line.lstrip().startswith("#"):
            match = _LINE.fullmatch(line)
            value, end = _value(text, start + match.start("value"), end) if match else (None, end)
            if match is None or value is None:
                unread.append(number)
            else:
                entries.append(Entry(name=match["name"], value=value, line=number))
        number += text.count("\n", start, end) + 1
        start = end + 1
    return Dotenv(entries=tuple(entries), unread=tuple(unread))


def _value(text: str, start: int, end: int) -> tuple[str | None, int]:
    """Return the value that begins at `start`, and its last line; None for unclosed quotes."""
    quoted = _QUOTED.get(text[start : start + 1])
    if quoted is None:
        return _COMMENT.sub("", f" {text[start:end]}").strip(), end
    found = quoted.match(text, start)
    if found is None or _COMMENT.sub("", f" {found['rest']}").strip():
        return None, end
    return found["value"], found.end()
