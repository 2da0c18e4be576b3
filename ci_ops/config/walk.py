"""Reading of a tree into the fields of dataclasses, collecting every problem.

No message contains a value: not of a variable, not of a Secret, not of a plain
field either, because a secret may have been pasted into the wrong place. What
a plugin itself says about its values is searched for secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ci_ops.config.convert import TEXTS, convert, one_of, wanted
from ci_ops.config.safe_text import SecretValues, is_credential, names_a_secret, safe_word
from ci_ops.config.scalars import resolve
from ci_ops.config.shapes import (
    Choice,
    Either,
    ListOf,
    MapOf,
    One,
    Plugged,
    PluggedMap,
    Record,
    Shape,
    key_of,
    record_of,
    switches_of,
)
from ci_ops.config.tree import Listing, Node, Place, Scalar, Table, is_null
from ci_ops.config.variables import fill
from ci_ops.core.errors import Problem, UsageError
from ci_ops.core.named import Named
from ci_ops.core.plugin import Plugin
from ci_ops.core.result import Location
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.text.secret import Secret
from ci_ops.plugins import Family


class _Unread:
    """The placeholder for a value that could not be read."""


UNREAD: Final = _Unread()

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
"""Of the names that users give to checks and channels."""

_NAME = re.compile(NAME_PATTERN)
_BOOLEAN = One("boolean")


@dataclass(frozen=True, slots=True)
class At:
    """The current path in the document."""

    place: Place
    """Of the key, or of the value where there is no key."""
    path: str = ""

    def under(self, key: str, table: Table | None = None) -> At:
        """Return the path of a key of this map."""
        entry = table.entries.get(key) if table else None
        path = f"{self.path}.{safe_word(key)}" if self.path else safe_word(key)
        return At(entry.place if entry else self.place, path)

    @property
    def is_section(self) -> bool:
        """True for the document and its sections, which keep their valid fields despite problems in others."""
        return "." not in self.path and "[" not in self.path


@dataclass(slots=True)
class Reader:
    """The reader of one document; afterwards it holds the problems and the secrets."""

    env: Mapping[str, str] = field(repr=False)
    root: str = "ci_ops"
    """The package that holds the families of plugins."""
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    """Variables that are not set: whether that matters depends on what is going to be used."""
    incomplete: list[type[Plugin]] = field(default_factory=list)
    """Plugins that are named and lack nothing but a variable."""
    warnings: list[Problem] = field(default_factory=list)
    """What was put right in a value, and should be put right where it is stored."""
    secrets: dict[Secret, None] = field(default_factory=dict)
    hidden: SecretValues = field(default_factory=SecretValues)

    def read(self, shape: Shape, node: Node, at: At) -> Any:
        """Return the value in that shape; UNREAD after reporting a problem."""
        match shape:
            case One() | Choice():
                return self._one(shape, node, at)
            case Either():
                return self._either(shape, node, at)
            case ListOf():
                return self._list(shape, node, at)
            case MapOf():
                return self._map(shape, node, at)
            case Record():
                return self._record(shape, node, at)
            case Plugged():
                return self._plugged(shape.family, node, at)
            case PluggedMap():
                return self._plugged_map(shape.family, node, at)

    def problem(self, at: At, sentence: str) -> Any:
        """Report a problem and return UNREAD."""
        self.problems.append(Problem(sentence, path=at.path, location=str(at.place)))
        return UNREAD

    def _one(self, shape: One | Choice, node: Node, at: At) -> Any:
        if not isinstance(node, Scalar):
            if shape == One("anything"):
                many = ListOf(shape, list) if isinstance(node, Listing) else MapOf(shape)
                return self.read(many, node, at)
            return self.problem(replace(at, place=node.place), f"expected {wanted(shape)}")
        at = replace(at, place=node.place)
        filled = self._filled(node, at, shape)
        if filled is None:
            return UNREAD
        text, is_loose = filled
        value = node.value
        if is_loose:
            value = text if isinstance(shape, One) and shape.kind in TEXTS else resolve(text)
        try:
            read = convert(shape, text, value)
        except ValueError as error:
            return self.problem(at, str(error))
        if isinstance(read, Secret):
            self.secrets[read] = None
            self.hidden.add(text, is_secret=True)
        return read

    def _filled(self, node: Scalar, at: At, shape: One | Choice) -> tuple[str, bool] | None:
        """Return the text with its variables, and whether a quoted text may still mean a number."""
        if node.is_typed_in:
            return node.text, not node.is_plain
        if shape == One("shell") or "${" not in node.text:
            return node.text, False
        in_secret = shape == One("secret")
        filled = fill(node.text, self.env, lambda name: in_secret or names_a_secret(name))
        for name, value in filled.values.items():
            is_secret = names_a_secret(name) or is_credential(value, filled.text, in_secret=in_secret)
            self.hidden.add(value, is_secret=is_secret)
            if is_secret:
                self.secrets[Secret(value)] = None
        for sentence in filled.mistakes:
            self.problem(at, sentence)
        self.missing += [Problem(each, path=at.path, location=str(at.place)) for each in filled.missing]
        self.warnings += [Problem(each, path=at.path, location=str(at.place)) for each in filled.notes]
        return None if filled.mistakes or filled.missing else (filled.text, bool(filled.names))

    def _either(self, shape: Either, node: Node, at: At) -> Any:
        if shape.or_nothing and is_null(node):
            return None
        fitting = [each for each in shape.shapes if _fits(each, node)]
        if len(fitting) == 1:
            return self.read(fitting[0], node, at)
        for each in fitting:
            trial = Reader(
                self.env, self.root, secrets=self.secrets, hidden=self.hidden, warnings=self.warnings
            )
            read = trial.read(each, node, at)
            if not trial.problems:
                self.missing += trial.missing
                return read
        return self.problem(replace(at, place=node.place), f"expected {wanted(shape)}")

    def _list(self, shape: ListOf, node: Node, at: At) -> Any:
        if not isinstance(node, Listing):
            return self.problem(replace(at, place=node.place), "expected a list")
        items = [
            self.read(shape.item, each, At(each.place, f"{at.path}[{index}]"))
            for index, each in enumerate(node.nodes)
        ]
        return UNREAD if any(each is UNREAD for each in items) else shape.make(items)

    def _map(self, shape: MapOf, node: Node, at: At) -> Any:
        table = self._table(node, at)
        if table is None:
            return UNREAD
        read = {
            key: self.read(shape.item, each.node, at.under(key, table)) for key, each in table.entries.items()
        }
        return UNREAD if any(each is UNREAD for each in read.values()) else read

    def _table(self, node: Node, at: At) -> Table | None:
        """Return the node as a map; a null is an empty map."""
        if isinstance(node, Table):
            return node
        if is_null(node):
            return Table(node.place, {})
        self.problem(replace(at, place=node.place), "expected keys and values")
        return None

    def _record(self, shape: Record, node: Node, at: At) -> Any:
        table = self._table(node, at)
        if table is None:
            return UNREAD
        self._refuse_unknown(table, at, shape.keys)
        return self._members(shape, table, at)

    def _refuse_unknown(self, table: Table, at: At, known: tuple[str, ...]) -> None:
        for key in table.entries:
            if key not in known:
                self.problem(at.under(key, table), f"unknown key{did_you_mean(key, known)}")

    def _members(self, shape: Record, table: Table, at: At) -> Any:
        values: dict[str, Any] = {}
        is_whole, hidden_before = True, self.hidden.count
        for member in shape.members:
            entry = table.entries.get(member.key)
            if entry is not None:
                value = self.read(member.shape, entry.node, at.under(member.key, table))
                if value is UNREAD:
                    is_whole = is_whole and at.is_section
                else:
                    values[member.attribute] = value
            elif not member.has_default:
                is_whole = False
                self.problem(at, f"`{member.key}` is required")
        if not is_whole:
            return UNREAD
        try:
            return shape.cls(**values)
        except ValueError as error:
            key, sentence = _key_and_sentence(str(error), shape)
            if key:
                entry = table.entries.get(key)
                at = At(entry.node.place if entry else at.place, at.under(key).path)
            return self.problem(at, self.hidden.redacted(sentence, since=hidden_before))

    def _plugged_map(self, family: str, node: Node, at: At) -> Any:
        table = self._table(node, at)
        if table is None:
            return UNREAD
        named = [
            self._plugged(family, each.node, at.under(key, table), name=key)
            for key, each in table.entries.items()
        ]
        return tuple(each for each in named if each is not UNREAD)

    def _plugged(self, family: str, node: Node, at: At, *, name: str = "") -> Any:
        if name and not _NAME.fullmatch(name):
            return self.problem(at, "a name has letters, digits, `-`, `_` and `.`, 63 at most")
        table = self._table(node, at)
        cls = self._class(Family(f"{self.root}.{family}"), table, at, name) if table is not None else None
        if table is None or cls is None:
            return UNREAD
        shape = record_of(cls)
        names = switches_of(family, shape, is_named=bool(name))
        self._refuse_unknown(table, at, ("type", *names, *shape.keys))
        switches = {
            key: self.read(_BOOLEAN, table.entries[key].node, at.under(key, table))
            for key in names
            if key in table.entries
        }
        missing_before, problems_before = len(self.missing), len(self.problems)
        plugin = self._members(shape, table, at)
        if switches.get("enabled") is False:
            del self.missing[missing_before:]  # what is switched off needs no variables
        elif len(self.missing) > missing_before and len(self.problems) == problems_before:
            self.incomplete.append(cls)
        if plugin is UNREAD or UNREAD in switches.values():
            return UNREAD
        place = Location(file=at.place.file, line=at.place.line) if at.place.line else None
        return Named(name=name or cls.plugin_name(), plugin=plugin, location=place, **switches)

    def _class(self, plugins: Family[Plugin], table: Table, at: At, name: str) -> type[Plugin] | None:
        node = table.get("type")
        if node is None and not name:
            self.problem(at, f"`type` is required: {one_of(plugins.names())}")
            return None
        try:
            return plugins.load(name if node is None else node.text if isinstance(node, Scalar) else "")
        except UsageError as error:
            self.problem(at if node is None else At(node.place, at.under("type").path), error.what)
            return None


def _key_and_sentence(sentence: str, shape: Record) -> tuple[str, str]:
    """Split the error of a dataclass into the key it begins with, perhaps empty, and the rest."""
    word, colon, rest = sentence.partition(": ")
    is_key = colon and key_of(word) in shape.keys
    return (key_of(word), rest) if is_key else ("", sentence)


def _fits(shape: Shape, node: Node) -> bool:
    """Return True when a node of this kind may have that shape."""
    if shape == One("anything"):
        return True
    if isinstance(node, Scalar):
        return isinstance(shape, One | Choice)
    return isinstance(shape, ListOf) == isinstance(node, Listing) and not isinstance(shape, One | Choice)
