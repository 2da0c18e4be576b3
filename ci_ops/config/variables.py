"""Interpolation of `${NAME}` and `${NAME:-default}` in strings of the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.core.text.nearmiss import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has_default>:-(?P<default>[^}]*))?\})?"
)


@dataclass(slots=True)
class Filled:
    """A text with its variables filled in."""

    text: str = field(repr=False)
    values: dict[str, str] = field(default_factory=dict, repr=False)
    """What each variable gave, by its name; without those that fell back to their default."""
    names: list[str] = field(default_factory=list)
    """Every variable that is named, in order."""
    missing: list[str] = field(default_factory=list)
    """Sentences on variables that are not set, or empty, and have no default."""
    mistakes: list[str] = field(default_factory=list)
    """Sentences on `${` that begins no variable, and on values that cannot be meant so."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out of a value."""


def no_secret(_name: str) -> bool:
    """Return False: the variable holds no secret."""
    return False


def fill(text: str, env: Mapping[str, str], is_secret: Callable[[str], bool] = no_secret) -> Filled:
    """Return the text with its variables filled in; `$${` stands for `${`.

    A variable that is set but empty counts as not set: that is how CI hands
    over a secret that does not exist. `${NAME:-}` allows it to be empty.
    Blanks and line ends around the value of a secret, which `echo` and editors
    leave there, are no part of it; quotes around it are a mistake.
    """
    filled = Filled(text)
    bare = {name: env[name].strip() for name in filter(is_secret, env)}
    filled.text = _REFERENCE.sub(lambda found: _one(found, {**env, **bare}, filled), text)
    for name in filter(bare.__contains__, dict.fromkeys(filled.names)):
        if env[name] != bare[name]:
            filled.notes.append(
                f"the variable {name} has blanks or a line end around its value; they are left out"
            )
        if bare[name][:1] in {"'", '"'} and len(bare[name]) > 1 and bare[name][0] == bare[name][-1]:
            filled.mistakes.append(f"the value of the variable {name} is in quotes; store it without them")
    return filled


def _one(found: re.Match[str], env: Mapping[str, str], filled: Filled) -> str:
    name = found["name"]
    if name is None:
        if found.group() == "${":
            filled.mistakes.append(_mistake(found.string, found.end()))
        return "${"
    filled.names.append(name)
    value = env.get(name, "")
    if value:
        filled.values[name] = value
        return value
    if found["has_default"] is None:
        state = "is empty" if name in env else "is not set"
        filled.missing.append(f"the variable {name} {state}{did_you_mean(name, set(env) - {name})}")
    return found["default"] or ""


def _mistake(text: str, after: int) -> str:
    if text.startswith("{", after):
        return "GitHub expressions are not read here; hand the value over as a variable and write ${NAME}"
    return "`${` begins a variable: write ${NAME} or ${NAME:-default}, or $${ for the text itself"
