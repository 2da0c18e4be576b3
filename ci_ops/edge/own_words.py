"""The vocabulary of ci-ops itself.

A secret that equals one of these words may occur in our own sentences without a leak.
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
    """Return True for a word that occurs in the source of the commands."""
    return re.search(rf"\b{re.escape(word)}\b", _source()) is not None


@cache
def _source() -> str:
    """Return the whole source, read on first use in about ten milliseconds."""
    folders = (each for each in sorted(_PACKAGE.iterdir()) if each.is_dir() and each.name not in _NOT_OURS)
    files = (file for folder in folders for file in sorted(folder.rglob("*.py")))
    return "\n".join(file.read_text("utf-8", "replace") for file in files)
