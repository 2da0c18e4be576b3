"""Escaping of untrusted text for Markdown and Mermaid: the filters of the templates.

The filters of the templates.
"""

from __future__ import annotations

import json
import re

from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import one_line

_GAP = "\u200b"
"""A zero-width space: GitHub finds no mention or reference across it. Never in addresses, which are copied."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_ACTIVE = re.compile(r"[\\`*_\[\]#~$&<>|]")
_MENTIONED = re.compile(r"(@|\#(?=\d)|(?i:gh)-(?=\d))")
_ADDRESS = re.compile(r"(:)(?=//)|(?<=www)(\.)|(?<=mailto)(:)|(?<=xmpp)(:)", re.IGNORECASE)
"""What makes text an address to GitHub, which does not see it in the form of an entity."""
_LISTED = re.compile(r"\d{1,9}(?=[.)])")
_SPAN = re.compile(r"(`[^`]+`)")
_BACKTICKS = re.compile(r"`+")

_PLAIN_SCALAR = re.compile(r"(?:https?:/)?/[\w./:@-]*[\w/]")
"""Paths and addresses, which YAML reads as they are."""

LABEL_CHARACTERS = 60
_NO_LABEL = re.compile(r"[^\w ./+-]|[-_]{2,}")
_MERMAID_WORD = re.compile(r"[a-z]+|\d", re.IGNORECASE)
_MERMAID_WORDS = frozenset(
    {
        *("accdescr", "acctitle", "axisformat", "click", "dateformat", "end", "excludes", "gantt", "graph"),
        *("includes", "inclusiveenddates", "section", "subgraph", "tickinterval", "title", "todaymarker"),
        *("topaxis", "vert", "weekday", "weekend"),
    }
)


def md(value: object) -> str:
    """Return plain text as one line of Markdown, also for a heading, a table cell or an HTML element.

    Also in a heading, a table's cell or an HTML element.

    Source: GitHub Flavored Markdown 0.29, sections 2.4 (backslash escapes), 2.5
    (entities), 4.10 (tables), 6.9 (autolinks).
    """
    text = _MENTIONED.sub(rf"\1{_GAP}", one_line(_text(value)))
    text = _ACTIVE.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), text)
    text = _ADDRESS.sub(lambda match: f"&#{ord(match[0])};", text)
    if text[:1] in {"-", "+", "=", ":"}:
        return f"\\{text}"
    # "1." would begin a list.
    return _LISTED.sub(lambda match: f"{match[0]}\\", text, count=1) if _LISTED.match(text) else text


def code(value: object) -> str:
    """Return text as inline code, outside tables (a `|` would end the cell); empty for empty text."""
    text = one_line(_text(value)).replace("##[", "## [")
    if not text:
        return ""
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def advice(value: object) -> str:
    """Return advice as Markdown, outside tables; commands in it as inline code.

    A command stands between backticks; the rest is shown as by `md`.
    """
    parts = _SPAN.split(one_line(_text(value)))
    return "".join(code(part[1:-1]) if at % 2 else _between(part) for at, part in enumerate(parts))


def _between(part: str) -> str:
    before, after = " " * part.startswith(" "), " " * (part.endswith(" ") and bool(part.strip()))
    return f"{before}{md(part)}{after}"


def mermaid(value: object) -> str:
    """Return text as a label or title of a Mermaid diagram, cut to 60 characters.

    Only letters, digits and harmless marks stay. Words that begin a statement
    (`click`, `section`, a date) do not when something invisible stands before them.
    Source: mermaid, packages/mermaid/src/diagrams/gantt/parser/gantt.jison.
    """
    text = one_line(_NO_LABEL.sub(" ", one_line(_text(value))))
    if len(text) > LABEL_CHARACTERS:
        text = f"{text[: LABEL_CHARACTERS - 1]}…"
    first = _MERMAID_WORD.match(text)
    if first and (first[0].isdigit() or first[0].lower() in _MERMAID_WORDS):
        return f"{_GAP}{text}"
    return text or "…"


def duration(value: object) -> str:
    """Return seconds as text such as `340 ms` or `3 m 05 s`; empty for None."""
    return format_duration(float(value)) if isinstance(value, int | float) else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def yaml(value: object) -> str:
    """Return text as a YAML scalar: a path or an address plain, all else in double quotes."""
    text = _text(value)
    return text if not text or _PLAIN_SCALAR.fullmatch(text) else json.dumps(text)


FILTERS = {
    "yaml": yaml,
    "md": md,
    "cell": md,
    "advice": advice,
    "code": code,
    "mermaid": mermaid,
    "duration": duration,
}
