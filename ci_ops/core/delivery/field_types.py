"""Type checks for values that were read from a file, before they become a dataclass."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_written(cls: type[Any], values: Mapping[str, Any]) -> None:
    """Raise ValueError unless every value has the type of its field.

    A file may have been edited, damaged, or written by another program.
    """
    for each in fields(cls):
        if each.name in values and not _is_fit(str(each.type), values[each.name]):
            raise ValueError(f"{each.name} is not of the kind {each.type}")


def _is_fit(kind: str, value: object) -> bool:
    """Return True for a value of the type; unknown types are left to the dataclass itself."""
    match kind:
        case "str":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and math.isfinite(value)
        case "Mapping[str, str]":
            return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
        case _:
            return True
