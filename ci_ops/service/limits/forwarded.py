"""The Forwarded header, read from the right, where our own proxies write.

What stands further left was written by the client and may be anything: quotes
that never close must not hide what a proxy has added, nor take long to read.

Source: RFC 7239 section 4.
"""

from __future__ import annotations

import re

_MARKS = {mark: re.compile(f'["{mark}]') for mark in ",;"}


def forwarded_for(header: str, *, limit: int) -> list[str]:
    """Return the `for` of the last elements, at most so many; empty where an element has none."""
    return [_for(element) for element in _split(header, ",")[-limit:]]


def _for(element: str) -> str:
    pairs = (pair.partition("=") for pair in _split(element, ";"))
    return next((value.strip() for name, _, value in pairs if name.strip().lower() == "for"), "")


def _split(text: str, mark: str) -> list[str]:
    """Return the parts between marks that are not inside quotes."""
    parts: list[str] = []
    end, is_quoted = len(text), False
    for found in reversed([*_MARKS[mark].finditer(text)]):
        at = found.start()
        if found[0] == mark:
            if not is_quoted:
                parts.append(text[at + 1 : end])
                end = at
        else:
            is_quoted ^= not _is_escaped(text, at)
    return [text[:end], *reversed(parts)]


def _is_escaped(text: str, at: int) -> bool:
    if text[at - 1 : at] != "\\":
        return False
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
