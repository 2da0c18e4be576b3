"""The words that ci-ops uses itself.

A secret that is one of them may stand in a sentence of ours without having come from outside.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_NOT_OURS = ("service", "demo")
"""Parts of the package that write no sentence of a command."""


@cache
def is_own_word(word: str) -> bool:
    """Return True for a word that stands in the source of the commands."""
    return re.search(rf"\b{re.escape(word)}\b", _source()) is not None


@cache
def _source() -> str:
    """The whole source, read when a secret that is a word first turns up in a sentence: some ten milliseconds."""
    folders = (each for each in sorted(_PACKAGE.iterdir()) if each.is_dir() and each.name not in _NOT_OURS)
    files = (file for folder in folders for file in sorted(folder.rglob("*.py")))
    return "\n".join(file.read_text("utf-8", "replace") for file in files)
