"""Conversion of Poetry's version constraints to specifiers.

Source: python-poetry.org/docs/dependency-specification, section "Version constraints".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.checks.lockfile.pep440 import allows

if TYPE_CHECKING:
    from collections.abc import Iterable

_PART = re.compile(
    r"(?P<operator>\^|~(?!=)|)\s*v?(?P<version>\d+(?:\.\d+)*)(?P<rest>[^\s,|*]*)(?P<any>\.\*)?"
)


def allows_any(constraints: Iterable[str], version: str) -> bool | None:
    """Return whether one of the constraints accepts the version; None if one cannot be parsed."""
    listed = [one for each in constraints for one in re.split(r"\|\|?", each)]
    answers = [_allows(each.strip(), version) for each in listed]
    return True if True in answers else None if None in answers else False


def _allows(constraint: str, version: str) -> bool | None:
    parts = [
        _specifier(part.strip())
        for part in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[\^~<>=!])", constraint)
        if part
    ]
    return None if None in parts else allows(",".join(filter(None, parts)), version)


def _specifier(part: str) -> str | None:
    """Return the clause as a PEP 440 specifier; None if it cannot be parsed."""
    if part == "*":
        return ""
    if part[0] in "<>=!" or part.startswith("~="):
        return part if not part.startswith("=") or part.startswith("==") else f"={part}"
    found = _PART.fullmatch(part)
    if found is None:
        return None
    numbers = [int(each[:9]) for each in found["version"].split(".")]
    lowest = f">={found['version']}{found['rest']}"
    if found["operator"] == "^":
        return f"{lowest},<{_caret(numbers)}"
    if found["operator"] == "~":
        return f"{lowest},<{_next(numbers, min(1, len(numbers) - 1))}"
    return f"=={found['version']}.*" if found["any"] else f"=={found['version']}{found['rest']}"


def _caret(numbers: list[int]) -> str:
    """Return the upper bound of a caret: the first non-zero number incremented."""
    index = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    return _next(numbers, index)


def _next(numbers: list[int], index: int) -> str:
    return ".".join(map(str, [*numbers[:index], numbers[index] + 1]))
