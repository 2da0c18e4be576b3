"""The selected environment and its section of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.config.overlay import merged
from ci_ops.config.safe_text import safe_word
from ci_ops.config.tree import Entry, Place, Table, is_null, with_layer
from ci_ops.core.environment import (
    DEFAULT_ENVIRONMENT,
    NAME_RULE,
    is_environment_name,
    is_same_environment,
)
from ci_ops.core.errors import Problem
from ci_ops.core.text.nearmiss import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

KEY = "environments"

_FIXED = frozenset({KEY, "version"})
_TWINS = {"dev": "development", "prod": "production", "development": "dev", "production": "prod"}
"""The short and the long name of one environment, for a file that lists only one of them."""


def environment_name(word: str) -> str:
    """Return the name as the user wrote it, stripped; `production` by default."""
    return word.strip() or DEFAULT_ENVIRONMENT


def listed(document: Table) -> tuple[str, ...]:
    """Return the environments that the file configures, spelled as there."""
    table = document.get(KEY)
    return tuple(environment_name(key) for key in table.entries) if isinstance(table, Table) else ()


def is_meant(word: str, name: str, names: Collection[str]) -> bool:
    """Return True when both names mean the same environment in a file with these environments.

    `prod` means `production` unless the file lists both.
    """
    if is_same_environment(word, name):
        return True
    one, other = word.strip().casefold(), name.strip().casefold()
    return _TWINS.get(one) == other and not {one, other} <= {each.casefold() for each in names}


def for_environment(document: Table, name: str, problems: list[Problem], warnings: list[Problem]) -> Table:
    """Return the document with the values of that environment applied.

    If the file lists environments, an unlisted name is a warning, and the file's own values apply.
    `production` needs no entry: it is the file itself.
    """
    overlays = _overlays(document, problems)
    rest = Table(document.place, {key: each for key, each in document.entries.items() if key != KEY})
    key = next((each for each in (name.casefold(), _TWINS.get(name.casefold())) if each in overlays), None)
    if key is not None:
        overlay = with_layer(_without_fixed(overlays[key], key, problems), f"environment {key}")
        assert isinstance(overlay, Table)
        return merged(rest, overlay, problems)
    if not is_environment_name(name):
        problems.append(
            Problem(f"the name of an environment has {NAME_RULE}", path="environment", location="")
        )
    elif overlays and not is_meant(name, DEFAULT_ENVIRONMENT, tuple(overlays)):
        near = did_you_mean(name.casefold(), [*overlays, DEFAULT_ENVIRONMENT])
        sentence = f"the file lists no environment {safe_word(name)}, so its own values hold{near}"
        warnings.append(Problem(sentence, path=KEY, location=str(document.entries[KEY].place)))
    return rest


def _without_fixed(overlay: Table, name: str, problems: list[Problem]) -> Table:
    for key in _FIXED & overlay.entries.keys():
        path, sentence = f"{KEY}.{name}.{key}", "this cannot differ between environments"
        problems.append(_problem(overlay.entries[key].place, path, sentence))
    return Table(overlay.place, {key: each for key, each in overlay.entries.items() if key not in _FIXED})


def _overlays(document: Table, problems: list[Problem]) -> dict[str, Table]:
    entry = document.entries.get(KEY)
    overlays: dict[str, Table] = {}
    for key, each in _entries(entry, problems):
        name, path = environment_name(key).casefold(), f"{KEY}.{safe_word(key)}"
        if name in overlays:
            problems.append(_problem(each.place, path, f"the environment {safe_word(name)} stands twice"))
        elif not is_environment_name(name):
            problems.append(_problem(each.place, path, f"the name of an environment has {NAME_RULE}"))
        elif is_null(each.node):
            overlays[name] = Table(each.node.place, {})
        elif isinstance(each.node, Table):
            overlays[name] = each.node
        else:
            problems.append(_problem(each.node.place, path, "expected keys and values"))
    return overlays


def _entries(entry: Entry | None, problems: list[Problem]) -> Iterator[tuple[str, Entry]]:
    if entry is None or is_null(entry.node):
        return
    if isinstance(entry.node, Table):
        yield from entry.node.entries.items()
    else:
        problems.append(_problem(entry.node.place, KEY, "expected keys and values"))


def _problem(place: Place, path: str, sentence: str) -> Problem:
    return Problem(sentence, path=path, location=str(place))
