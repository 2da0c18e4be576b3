"""Shapes: what a field accepts, derived from its annotation for reader, schema and display.

One description for reader, schema and display.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ci_ops.core.fields import DurationMark, Secret, ShellMark
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check

Kind = Literal[
    "text", "integer", "number", "boolean", "duration", "secret", "shell", "date", "path", "anything"
]


@dataclass(frozen=True, slots=True)
class One:
    """A scalar of one type."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words or numbers."""

    values: tuple[str | int, ...]
    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list with any number of items."""

    item: Shape
    make: Callable[[Iterable[Any]], Any]


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose keys the user chooses."""

    item: Shape


@dataclass(frozen=True, slots=True)
class Plugged:
    """One plugin of a family: `type` and the plugin's own fields."""

    family: str


@dataclass(frozen=True, slots=True)
class PluggedMap:
    """Plugins of a family by name; the name is the default of `type`."""

    family: str


@dataclass(frozen=True, slots=True)
class Either:
    """A union of shapes, tried from the most specific to the most general; perhaps null."""

    shapes: tuple[Shape, ...]
    or_nothing: bool


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a dataclass."""

    key: str
    """As users write it: kebab-case."""
    attribute: str
    shape: Shape
    has_default: bool
    make_default: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass, whose fields are the keys."""

    cls: type[Any]
    members: tuple[Member, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields by their keys."""
        return tuple(each.key for each in self.members)


Shape = One | Choice | ListOf | MapOf | Plugged | PluggedMap | Either | Record

WRITTEN = "written"
"""A field with this metadata set to False is filled in by code, not by the user."""

_KINDS: dict[Any, Kind] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Secret: "secret",
    date: "date",
    Path: "path",
    Any: "anything",
    object: "anything",
}
_SPECIAL_FIRST = (
    "boolean",
    "integer",
    "number",
    "duration",
    "date",
    "path",
    "secret",
    "shell",
    "text",
    "anything",
)


def switches_of(family: str, shape: Record, *, is_named: bool) -> tuple[str, ...]:
    """Return the booleans that the machinery adds to a plugin's own keys.

    A field of the plugin with the same name takes precedence.
    """
    if not is_named:
        return ()
    switches = ("enabled", "required") if family == Check.family_name else ("enabled",)
    return tuple(each for each in switches if each not in shape.keys)


def families_in(shape: Shape) -> dict[str, bool]:
    """Return the plugin families within a shape, in order; True where it accepts several plugins."""
    match shape:
        case Plugged():
            return {shape.family: False}
        case PluggedMap():
            return {shape.family: True}
        case Record():
            found = [families_in(member.shape) for member in shape.members]
        case Either():
            found = [families_in(each) for each in shape.shapes]
        case ListOf() | MapOf():
            found = [families_in(shape.item)]
        case _:
            found = []
    return {family: is_many for each in found for family, is_many in each.items()}


def key_of(attribute: str) -> str:
    """Return the key of a field: `min_severity` is written `min-severity`.

    A trailing underscore only avoids a Python keyword.
    """
    return attribute.rstrip("_").replace("_", "-")


def record_of(cls: type[Any]) -> Record:
    """Return the shape of a dataclass."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return Record(
        cls,
        tuple(
            Member(key_of(each.name), each.name, shape_of(hints[each.name]), *_default(each))
            for each in dataclasses.fields(cls)
            if each.init and each.metadata.get(WRITTEN, True)
        ),
    )


def _default(field: dataclasses.Field[Any]) -> tuple[bool, Callable[[], Any]]:
    if field.default_factory is not dataclasses.MISSING:
        return True, field.default_factory
    return field.default is not dataclasses.MISSING, lambda: field.default


def shape_of(annotation: Any) -> Shape:
    """Return the shape of a field's type. Raises TypeError for a type that no configuration can hold."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _marked(arguments)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Choice(tuple(str(each) for each in annotation), annotation)
    if dataclasses.is_dataclass(annotation):
        return record_of(typing.cast("type[Any]", annotation))
    if annotation in _KINDS:
        return One(_KINDS[annotation])
    if origin is Literal:
        return Choice(arguments, _as_it_is)
    if origin in {Union, types.UnionType}:
        return _either(arguments)
    if origin is Named:
        return Plugged(arguments[0].family_name)
    return _many(annotation, origin, arguments)


def _as_it_is(value: Any) -> Any:
    return value


def kebab(name: str) -> str:
    """Return a class name as a key: `EnvVars` becomes `env-vars`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _marked(arguments: tuple[Any, ...]) -> Shape:
    if DurationMark in arguments:
        return One("duration")
    return One("shell") if ShellMark in arguments else shape_of(arguments[0])


def _either(arguments: tuple[Any, ...]) -> Either:
    shapes = [shape_of(each) for each in arguments if each is not type(None)]
    shapes.sort(key=lambda shape: _SPECIAL_FIRST.index(shape.kind) if isinstance(shape, One) else -1)
    return Either(tuple(shapes), type(None) in arguments)


def _many(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Shape:
    if origin is tuple and arguments[1:] == (...,):
        item = shape_of(arguments[0])
        return PluggedMap(item.family) if isinstance(item, Plugged) else ListOf(item, tuple)
    if origin in {list, Sequence, Iterable}:
        return ListOf(shape_of(arguments[0]), list if origin is list else tuple)
    if origin in {frozenset, set, AbstractSet}:
        return ListOf(shape_of(arguments[0]), set if origin is set else frozenset)
    if origin in {dict, Mapping} and arguments[0] is str:
        return MapOf(shape_of(arguments[1]))
    raise TypeError(f"a configuration cannot hold a field of type {annotation}")
