"""Suggestions for misspelled words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` with the nearest known word, or empty; never shows `word` itself."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the most similar known word, ignoring case and hyphens; empty when none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed only once something is wrong

    spelt = {each.casefold().replace("_", "-"): each for each in known}
    near = get_close_matches(word[:100].casefold().replace("_", "-"), spelt, n=1, cutoff=cutoff)
    return spelt[near[0]] if near else ""
