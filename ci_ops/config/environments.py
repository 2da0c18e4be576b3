"""The environment that is meant, and what the file says about it alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.config.overlay import merged
from ci_ops.config.shown import shown
from ci_ops.config.tree import Entry, Place, Table, is_null, with_layer
from ci_ops.core.errors import Problem
from ci_ops.core.nearmiss import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "environments"
DEFAULT = "production"

_FIXED = frozenset({KEY, "version"})
_ALIASES = {"dev": "development", "prod": "production"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def environment_name(word: str) -> str:
    """The environment's one name: `Prod` is `production`.

    Empty is `production` too.
    """
    name = word.strip().casefold()
    return _ALIASES.get(name, name) or DEFAULT


def listed(document: Table) -> tuple[str, ...]:
    """The environments that the file says something about."""
    table = document.get(KEY)
    return tuple(environment_name(key) for key in table.entries) if isinstance(table, Table) else ()


def for_environment(document: Table, name: str, problems: list[Problem]) -> Table:
    """The document as it holds in that environment.

    A file that lists environments refuses others, so that a slip of the pen
    deploys nowhere; `production` alone needs no entry: it is the file itself.
    """
    overlays = _overlays(document, problems)
    rest = Table(document.place, {key: each for key, each in document.entries.items() if key != KEY})
    if name in overlays:
        overlay = with_layer(_without_fixed(overlays[name], name, problems), f"environment {name}")
        assert isinstance(overlay, Table)
        return merged(rest, overlay, problems)
    if _NAME.fullmatch(name) is None:
        sentence = "the name of an environment has lower-case letters, digits, `-`, `_` and `.`, 63 at most"
        problems.append(Problem(sentence, path="environment", location=""))
    elif overlays and name != DEFAULT:
        sentence = (
            f"there is no environment {shown(name)} in the file{did_you_mean(name, [*overlays, DEFAULT])}"
        )
        problems.append(Problem(sentence, path=KEY, location=str(document.entries[KEY].place)))
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
        name, path = environment_name(key), f"{KEY}.{shown(key)}"
        if name in overlays:
            problems.append(_problem(each.place, path, f"the environment {shown(name)} stands twice"))
        elif _NAME.fullmatch(name) is None:
            problems.append(_problem(each.place, path, "a name has letters, digits, `-`, `_` and `.`"))
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
