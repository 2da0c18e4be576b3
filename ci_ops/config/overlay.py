"""Merging of trees: an environment over the file, flags over both.

Maps merge, lists and values replace, `null` removes what is below, and a map
with another `type` than the one below replaces it whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.config.safe_text import safe_word
from ci_ops.config.tree import Entry, Node, Scalar, Table, is_null, typed_in
from ci_ops.core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


def merged(below: Table, above: Table, problems: list[Problem], path: tuple[str, ...] = ()) -> Table:
    """Return the lower map overlaid with the upper one; removing a missing key is a problem."""
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        old = entries.get(key)
        if is_null(entry.node):
            if entries.pop(key, None) is None:
                problems.append(_nothing_to_remove(entry, (*path, key)))
        elif isinstance(entry.node, Table):
            if old is None or not isinstance(old.node, Table) or _is_other_type(old.node, entry.node, key):
                old = Entry(entry.place, Table(entry.node.place, {}))
            assert isinstance(old.node, Table)
            entries[key] = Entry(old.place, merged(old.node, entry.node, problems, (*path, key)))
        else:
            entries[key] = entry
    return Table(below.place, entries)


def _is_other_type(below: Table, above: Table, name: str) -> bool:
    """Return True when the upper map's `type` differs from the lower one's (default: the map's name)."""
    new, old = above.get("type"), below.get("type")
    return isinstance(new, Scalar) and new.text != (old.text if isinstance(old, Scalar) else name)


def _nothing_to_remove(entry: Entry, path: tuple[str, ...]) -> Problem:
    sentence = "null removes a key, and there is none to remove; {} is an entry with its defaults"
    return Problem(sentence, path=".".join(map(safe_word, path)), location=str(entry.place))


def with_overrides(document: Table, overrides: Mapping[str, tuple[object, str]]) -> Table:
    """Return the document overlaid with flags and inputs.

    They are given as `{"verify.url": (value, "flag --url")}`; the value None stands for a flag that
    was not given.
    """
    for path, (value, origin) in overrides.items():
        if value is None:
            continue
        node: Node = typed_in(value, origin)
        for key in reversed(path.split(".")):
            node = Table(node.place, {key: Entry(node.place, node)})
        assert isinstance(node, Table)
        document = merged(document, node, [])
    return document
