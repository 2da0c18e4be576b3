"""Comparison of plain versions with plain specifiers; others are not judged.

Source: packaging.python.org/specifications/version-specifiers, without pre-, post- and development
releases, epochs and local versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLAUSE = re.compile(r"(===|~=|==|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")

Numbers = tuple[int, ...]


def satisfies(version: str, specifier: str) -> bool | None:
    """Return whether the version is allowed; None when one of the two is not plain."""
    number = _VERSION.fullmatch(version.strip())
    clauses = plain_clauses(specifier)
    if number is None or clauses is None:
        return None
    return all(_holds(_numbers(number[1]), operator, text) for operator, text in clauses)


def plain_clauses(specifier: str) -> frozenset[tuple[str, str]] | None:
    """Return operator and version of every clause; None when one of them is not plain."""
    parts = [part.strip() for part in specifier.strip().strip("()").split(",") if part.strip()]
    matches = [_CLAUSE.fullmatch(part) for part in parts]
    if not all(matches):
        return None
    return frozenset((match[1], match[2] + (match[3] or "")) for match in matches if match)


def _holds(version: Numbers, operator: str, text: str) -> bool:
    limit = _numbers(text.removesuffix(".*"))
    if text.endswith(".*"):
        return (version[: len(limit)] == limit) is (operator == "==")
    if operator == "~=":
        return _order(version, limit) >= 0 and version[: len(limit) - 1] == limit[:-1]
    return _OPERATORS[operator](_order(version, limit))


_OPERATORS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "===": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}


def _order(one: Numbers, other: Numbers) -> int:
    """Return -1, 0 or 1; missing numbers count as zeros."""
    length = max(len(one), len(other))
    padded = [(*each, *([0] * (length - len(each)))) for each in (one, other)]
    return (padded[0] > padded[1]) - (padded[0] < padded[1])


def _numbers(text: str) -> Numbers:
    return tuple(int(part[:18]) for part in text.split("."))
