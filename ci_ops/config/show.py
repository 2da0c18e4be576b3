"""`ci-ops config show`: every setting's effective value and its source."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeGuard

from ci_ops.config.load import examine
from ci_ops.config.model import Config
from ci_ops.config.safe_text import names_a_secret, without_secrets
from ci_ops.config.shapes import (
    MapOf,
    One,
    Plugged,
    PluggedMap,
    Record,
    record_of,
    switches_of,
)
from ci_ops.config.tree import Listing, Node, Scalar, Table
from ci_ops.config.valuetext import options_of, unread_text, value_text, word_text
from ci_ops.config.variables import fill
from ci_ops.config.walk import UNREAD, At, Reader
from ci_ops.core.errors import ConfigError
from ci_ops.core.text.lines import one_line
from ci_ops.core.text.redact import Redactor
from ci_ops.core.text.secret import Secret
from ci_ops.plugins import Family

if TYPE_CHECKING:
    from ci_ops.config.load import Source
    from ci_ops.config.shapes import Shape
    from ci_ops.core.plugin import Plugin

Nested = Record | MapOf | Plugged | PluggedMap
MAX_COLUMN = 60
"""Where the origins begin at the latest."""

_BOOLEAN = One("boolean")


def show_text(source: Source) -> str:
    """Return the effective configuration as YAML-like lines with their sources; secrets are redacted.

    Variables that are not set are shown by name. Raises ConfigError with every other problem.
    """
    loaded = examine(replace(source, uses=()))
    if loaded.problems:
        raise ConfigError(loaded.problems, folder=source.start)
    sheet = _Sheet(Reader(source.env, source.root), Redactor(each.reveal() for each in loaded.config.secrets))
    sheet.row(0, "environment", loaded.config.environment, "requested" if source.environment else "default")
    sheet.record(record_of(Config), loaded.tree, Config(), depth=0)
    return sheet.text()


@dataclass(slots=True)
class _Sheet:
    """The lines of the output."""

    reader: Reader
    redact: Redactor
    rows: list[tuple[str, str]] = field(default_factory=list)

    def text(self) -> str:
        """Return all lines with the sources aligned in one column."""
        column = min(MAX_COLUMN, max(len(left) for left, origin in self.rows if origin) + 2)
        return "".join(
            f"{f'{left:<{column - 1}} # {origin}' if origin else left}\n" for left, origin in self.rows
        )

    def row(self, depth: int, key: str, value: str = "", origin: str = "") -> None:
        """Add one line; without a value it is the heading of the following lines."""
        text = one_line(without_secrets(self.redact(value)))
        left = f"{'  ' * depth}{word_text(one_line(without_secrets(key)))}:{f' {text}' if text else ''}"
        self.rows.append((left, one_line(origin)))

    def record(self, shape: Record, table: Table | None, default: Any, *, depth: int) -> None:
        """Add the fields of a dataclass: those of the table, and the defaults of the others."""
        for member in shape.members:
            node = table.get(member.key) if table else None
            if node is not None:
                self.written(member.key, member.shape, node, depth=depth)
                continue
            value = member.make_default() if default is None else getattr(default, member.attribute)
            if isinstance(member.shape, Record):
                self.row(depth, member.key)
                self.record(member.shape, None, value, depth=depth + 1)
            else:
                self.row(depth, member.key, value_text(member.shape, value), "default")

    def written(self, key: str, shape: Shape, node: Node, *, depth: int) -> None:
        """Add one key that is set."""
        nested = next(filter(_has_lines, options_of(shape)), None)
        if nested is None or not isinstance(node, Table) or not node.entries:
            self.leaf(key, shape, node, depth=depth)
        else:
            self.row(depth, key)
            self.nested(nested, node, depth=depth + 1)

    def nested(self, shape: Nested, table: Table, *, depth: int) -> None:
        """Add the keys of a map."""
        match shape:
            case Record():
                self.record(shape, table, None, depth=depth)
            case MapOf():
                for name, entry in table.entries.items():
                    self.written(name, shape.item, entry.node, depth=depth)
            case Plugged():
                self.plugged(shape.family, "", table, depth=depth)
            case PluggedMap():
                for name, entry in table.entries.items():
                    self.row(depth, name)
                    inner = entry.node if isinstance(entry.node, Table) else Table(entry.place, {})
                    self.plugged(shape.family, name, inner, depth=depth + 1)

    def plugged(self, family: str, name: str, table: Table, *, depth: int) -> None:
        """Add one plugin: its type, its switches, its fields."""
        node = table.get("type")
        kind = node.text if isinstance(node, Scalar) else name
        self.row(depth, "type", kind, node.place.origin if node else "its name")
        plugins: Family[Plugin] = Family(f"{self.reader.root}.{family}")
        shape = record_of(plugins.load(kind))
        for key in switches_of(family, shape, is_named=bool(name)):
            switch = table.get(key)
            if switch is not None:
                self.leaf(key, _BOOLEAN, switch, depth=depth)
        self.record(shape, table, None, depth=depth)

    def leaf(self, key: str, shape: Shape, node: Node, *, depth: int) -> None:
        """Add one value, or a list or map on one line."""
        value = self.reader.read(shape, node, At(node.place))
        names = [] if shape == One("shell") else _variables(node)
        sources = [f"${{{name}}}{'' if self.reader.env.get(name) else ' (not set)'}" for name in names]
        is_hidden = any(map(names_a_secret, names)) and not isinstance(value, Secret)
        text = unread_text(shape, node) if value is UNREAD or is_hidden else value_text(shape, value)
        self.row(depth, key, text, ", ".join([*sources, *_origins(node)]))


def _has_lines(shape: Shape) -> TypeGuard[Nested]:
    """Return True when each key of a map is shown on its own line."""
    if isinstance(shape, MapOf):
        return isinstance(shape.item, Record)
    return isinstance(shape, Record | Plugged | PluggedMap)


def _variables(node: Node) -> list[str]:
    """Yield the variables that the node uses, each once."""
    if isinstance(node, Scalar):
        return [] if node.is_typed_in else list(dict.fromkeys(fill(node.text, {}).names))
    nodes = node.nodes if isinstance(node, Listing) else [each.node for each in node.entries.values()]
    return list(dict.fromkeys(name for each in nodes for name in _variables(each)))


def _origins(node: Node) -> list[str]:
    """Return the sources of a node; of a merged map, the first line in each layer."""
    if not isinstance(node, Table) or not node.entries:
        return [node.place.origin]
    places = [entry.node.place for entry in node.entries.values()]
    first = {(place.layer, place.file): place for place in reversed(places)}
    return [place.origin for place in reversed(first.values())]
