"""The scalar values of a document, each with its path and the shape of its field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.config.safe_text import safe_word
from ci_ops.config.shapes import (
    Choice,
    Either,
    ListOf,
    MapOf,
    One,
    Plugged,
    PluggedMap,
    Record,
    record_of,
)
from ci_ops.config.tree import Listing, Scalar, Table
from ci_ops.core.errors import UsageError
from ci_ops.plugins import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.config.shapes import Shape
    from ci_ops.config.tree import Node
    from ci_ops.core.plugin import Plugin


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One value of the document."""

    path: str
    shape: One | Choice
    scalar: Scalar


def leaves(shape: Shape, node: Node, root: str, path: str = "") -> Iterator[Leaf]:
    """Yield every value below `node`, except in entries that are disabled or invalid."""
    match shape:
        case One() | Choice():
            if isinstance(node, Scalar):
                yield Leaf(path=path, shape=shape, scalar=node)
        case Either():
            fitting = next((each for each in shape.shapes if _fits(each, node)), None)
            if fitting is not None:
                yield from leaves(fitting, node, root, path)
        case ListOf():
            for index, each in enumerate(node.nodes if isinstance(node, Listing) else ()):
                yield from leaves(shape.item, each, root, f"{path}[{index}]")
        case Record() | MapOf() | Plugged() | PluggedMap():
            if isinstance(node, Table):
                yield from _in_table(shape, node, root, path)


def _in_table(
    shape: Record | MapOf | Plugged | PluggedMap, table: Table, root: str, path: str
) -> Iterator[Leaf]:
    match shape:
        case Record():
            yield from _members(shape, table, root, path)
        case MapOf():
            for key, entry in table.entries.items():
                yield from leaves(shape.item, entry.node, root, _under(path, key))
        case Plugged():
            yield from _plugin(shape.family, "", table, root, path)
        case PluggedMap():
            for name, entry in table.entries.items():
                if isinstance(entry.node, Table):
                    yield from _plugin(shape.family, name, entry.node, root, _under(path, name))


def _members(shape: Record, table: Table, root: str, path: str) -> Iterator[Leaf]:
    for member in shape.members:
        node = table.get(member.key)
        if node is not None:
            yield from leaves(member.shape, node, root, _under(path, member.key))


def _plugin(family: str, name: str, table: Table, root: str, path: str) -> Iterator[Leaf]:
    kind, enabled = table.get("type"), table.get("enabled")
    if isinstance(enabled, Scalar) and enabled.value is False:
        return
    plugins: Family[Plugin] = Family(f"{root}.{family}")
    try:
        cls = plugins.load(kind.text if isinstance(kind, Scalar) else name)
    except UsageError:
        return
    yield from _members(record_of(cls), table, root, path)


def _fits(shape: Shape, node: Node) -> bool:
    if isinstance(node, Scalar):
        return isinstance(shape, One | Choice)
    return (
        isinstance(shape, ListOf)
        if isinstance(node, Listing)
        else not isinstance(shape, One | Choice | ListOf)
    )


def _under(path: str, key: str) -> str:
    return f"{path}.{safe_word(key)}" if path else safe_word(key)
