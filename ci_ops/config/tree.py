"""The syntax tree of a document: every key and value with its position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ci_ops.config.safe_text import invisible_in, safe_word
from ci_ops.config.scalars import Plain, resolve
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.core.text.secret import Secret


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a key or value: layer, file, line and column."""

    file: str = ""
    """As people know it; empty for what no file says."""
    line: int = 0
    column: int = 0
    layer: str = ""
    """What was laid over the file: `environment staging`, `flag --url`; empty for the file itself."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file or self.layer

    @property
    def origin(self) -> str:
        """The position as `config show` prints it, layer first."""
        file = f"{self.file}:{self.line}" if self.line else self.file
        return ", ".join(part for part in (self.layer, file) if part)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value with its spelling."""

    place: Place
    text: str = field(repr=False)  # it may be a secret
    is_plain: bool
    """True without quotes: then the text may mean a number, a boolean or nothing."""
    is_typed_in: bool = False
    """True for flags and inputs: always text, may stand for a number, and `${` means nothing."""

    @property
    def value(self) -> Plain:
        """The value that the text means under the rules of its file format."""
        return resolve(self.text) if self.is_plain else self.text

    @property
    def is_null(self) -> bool:
        """True for `null`, `~` and an empty value."""
        return self.is_plain and self.value is None


@dataclass(frozen=True, slots=True)
class Listing:
    """An ordered list of values."""

    place: Place
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, and the position of its key."""

    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A map; its keys are texts as spelled in the document."""

    place: Place
    entries: Mapping[str, Entry]

    def get(self, *keys: str) -> Node | None:
        """Return the node under nested keys; None if there is none."""
        node: Node | None = self
        for key in keys:
            entry = node.entries.get(key) if isinstance(node, Table) else None
            node = entry.node if entry else None
        return node


Node = Scalar | Listing | Table


def add_entry(entries: dict[str, Entry], key: str, entry: Entry, problems: list[Problem]) -> None:
    """Add a key to a map that is being parsed.

    A duplicate key is a problem, and so is a key with an invisible character: it would be called
    unknown beside a known key that looks the same.
    """
    if hidden := invisible_in(key):
        sentence = f"the key contains the invisible character {hidden}; type plain spaces in its place"
        problems.append(Problem(sentence, path=safe_word(key), location=str(entry.place)))
        return
    first = entries.setdefault(key, entry)
    if first is not entry:
        sentence = f"the key stands twice in one map, first in line {first.place.line}"
        problems.append(Problem(sentence, path=safe_word(key), location=str(entry.place)))


def is_null(node: Node) -> bool:
    """Return True for a null scalar."""
    return isinstance(node, Scalar) and node.is_null


def problem_at(place: Place, sentence: str, path: str = "") -> ConfigError:
    """Return the error for a document that cannot be parsed further."""
    return ConfigError([Problem(sentence, path=path, location=str(place))])


def with_layer(node: Node, layer: str) -> Node:
    """Return the same node, marked as part of that layer."""
    place = replace(node.place, layer=layer)
    if isinstance(node, Scalar):
        return replace(node, place=place)
    if isinstance(node, Listing):
        return Listing(place, tuple(with_layer(each, layer) for each in node.nodes))
    return Table(
        place,
        {
            key: Entry(replace(entry.place, layer=layer), with_layer(entry.node, layer))
            for key, entry in node.entries.items()
        },
    )


def typed_in(value: object, layer: str) -> Node:
    """Return the tree for the value of a flag or an input.

    The value is a str, bool, number, Secret, list or mapping of these. None inside a list or
    mapping stands for a value that was not given.
    """
    place = Place(layer=layer)
    if isinstance(value, Mapping):
        members = {str(key): each for key, each in value.items() if each is not None}
        return Table(place, {key: Entry(place, typed_in(each, layer)) for key, each in members.items()})
    if isinstance(value, list | tuple):
        return Listing(place, tuple(typed_in(each, layer) for each in value if each is not None))
    if isinstance(value, Secret):
        return Scalar(place, value.reveal(), is_plain=False, is_typed_in=True)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(place, text, is_plain=not isinstance(value, str), is_typed_in=True)
