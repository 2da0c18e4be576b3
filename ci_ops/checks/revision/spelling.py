"""Spellings of a commit by services and build tools, and their comparison."""

from __future__ import annotations

import re

MIN_DIGITS = 7
"""Git's own short form; fewer digits would match by chance."""
MAX_DIGITS = 40
"""Of a SHA-1; a SHA-256 has 64 and nothing lies between. Source: gitformat-hash-function-transition(5)."""
MAX_READ_CHARACTERS = 200

_SHA256_DIGITS = 64
_HEX = re.compile(r"[0-9a-f]+")
_WORD = re.compile(
    r"(?<![0-9a-z])(?P<mark>(?:sha1?|git|commit|rev|revision)[-:_.@]|g|)(?P<digits>[0-9a-f]{7,40})(?![0-9a-z])"
)
"""A word that may be a commit; with a mark it is meant as one, such as the g of `git describe`."""
_DIRTY = re.compile(r"(?<![a-z])(?:dirty|uncommitted|modified|broken)(?![a-z])|\.d\d{8}$|\+$")
"""Marks of a tree with changes of its own: git describe, Docker tools, setuptools-scm (`.d20261201`), hg."""
_UNKNOWN_WORDS = frozenset(
    {"", "-", "dev", "head", "latest", "local", "n/a", "na", "nil", "none", "null", "undefined", "unknown"}
    | {"unset"}
)


def is_known(revision: str) -> bool:
    """Return False for placeholder words, and for too few digits to compare."""
    text = _folded(revision)
    if text in _UNKNOWN_WORDS or text.startswith(("$", "{{", "<")) or set(text) == {"0"}:
        return False
    return not _HEX.fullmatch(text) or len(text) >= MIN_DIGITS


def is_commit(revision: str) -> bool:
    """Return True when the revision is the digits of a commit and nothing else."""
    text = _folded(revision)
    return bool(_HEX.fullmatch(text)) and _is_length(len(text))


def commits_in(revision: str) -> tuple[str, ...]:
    """Return the digits of every commit that a revision names.

    Such as `1f2e3d4` of `sha-1f2e3d4`, `v1.4.0-14-g1f2e3d4`, `1.4.0+1f2e3d4`
    and `main-1f2e3d4`. Decimal digits alone are a date or a counter, unless
    they are the whole revision or marked as a commit.
    """
    text = _folded(revision)
    if _HEX.fullmatch(text):
        return (text,) if is_commit(text) else ()
    return tuple(
        word["digits"]
        for word in _WORD.finditer(text)
        if word["mark"] or not word["digits"].isdecimal() or len(word["digits"]) == MAX_DIGITS
    )


def is_dirty(revision: str) -> bool:
    """Return True when the revision says that its tree had changes that were not committed."""
    return _DIRTY.search(_folded(revision)) is not None


def same_revision(one: str, other: str) -> bool:
    """Return True when both name the same commit: equal, or one the start of the other's digits.

    A decorated revision counts by its digits, unless it names several commits
    or a tree with changes of its own.
    """
    if _folded(one) == _folded(other):
        return True
    if is_dirty(one) or is_dirty(other):
        return False
    certain = (commits_in(one), commits_in(other))
    possible = [found or _decimal_words(text) for found, text in zip(certain, (one, other), strict=True)]
    pairs = [_same_digits(left, right) for left in possible[0] for right in possible[1]]
    return any(pairs) and (all(pairs) or not all(certain))


def short(revision: str) -> str:
    """Return the short form: seven digits of a commit, other text unchanged."""
    text = revision.strip()
    return text[:MIN_DIGITS].lower() if is_commit(text) else text[:40]


def _folded(revision: str) -> str:
    return revision.strip().casefold()[:MAX_READ_CHARACTERS]


def _is_length(digits: int) -> bool:
    return MIN_DIGITS <= digits <= MAX_DIGITS or digits == _SHA256_DIGITS


def _decimal_words(revision: str) -> tuple[str, ...]:
    """Return words of decimal digits, which name a commit only if they match the other's."""
    text = _folded(revision)
    return () if _HEX.fullmatch(text) else tuple(word["digits"] for word in _WORD.finditer(text))


def _same_digits(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    return shorter >= MIN_DIGITS and one[:shorter] == other[:shorter]
