"""Colour on a terminal, so that statuses are found quickly."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

GREEN, YELLOW, RED, DIM, BOLD = "32", "33", "31", "2", "1"
_OF_WORDS = {
    **dict.fromkeys(("pass", "done", "delivered", "✓", "ok"), GREEN),
    **dict.fromkeys(("warn", "warned", "undone", "!"), YELLOW),
    **dict.fromkeys(("fail", "failed", "error", "interrupted", "✗"), RED),
    **dict.fromkeys(("skip", "skipped", "left", "hint"), DIM),
}
_FIRST_WORD = re.compile(r"^( *)(\w+|[✓✗!])(?=[ :]|$)", re.MULTILINE)
_TITLE = re.compile(r"^(?=[A-Z])(?![A-Z]+:)(.+)$", re.MULTILINE)


def is_coloured(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Return True on a terminal, unless NO_COLOR is set; FORCE_COLOR also colours other streams.

    A runner's log stays plain, `act` included, whose steps have a terminal.
    Source: no-color.org; force-color.org.
    """
    if env.get("NO_COLOR") or env.get("GITHUB_ACTIONS") or env.get("TERM") == "dumb":
        return False
    return bool(env.get("FORCE_COLOR")) or (stream.isatty() and sys.platform != "win32")


def paint(text: str, colour: str) -> str:
    """Return the text in a colour; blank text unchanged."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text.strip() else text


def paint_report(text: str) -> str:
    """Return a text report with bold titles, and statuses in their colours."""
    titled = _TITLE.sub(lambda match: paint(match[1], BOLD), text)
    return _FIRST_WORD.sub(_painted, titled)


def _painted(match: re.Match[str]) -> str:
    colour = _OF_WORDS.get(match[2].lower())
    return match[1] + (paint(match[2], colour) if colour else match[2])


def paint_error(line: str) -> str:
    """Return an `error: …` or `hint: …` line for standard error, its first word coloured on a terminal."""
    return _FIRST_WORD.sub(_painted, line, count=1) if is_coloured(sys.stderr, os.environ) else line
