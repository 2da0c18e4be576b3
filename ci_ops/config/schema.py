"""The JSON Schema of the configuration, generated from the fields that the reader accepts.

What the schema refuses, the reader refuses too; the reader refuses more.
`python -m ci_ops.config.schema > ci-ops.schema.json` regenerates the file.
Source: JSON Schema draft 2020-12.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.config.environments import KEY as ENVIRONMENTS
from ci_ops.config.fielddocs import field_docs, first_sentence
from ci_ops.config.load import SCHEMA_KEY
from ci_ops.config.model import Config
from ci_ops.config.shapes import (
    Choice,
    Either,
    ListOf,
    MapOf,
    One,
    Plugged,
    PluggedMap,
    Record,
    kebab,
    record_of,
    switches_of,
)
from ci_ops.config.walk import NAME_PATTERN
from ci_ops.core.text.durations import DURATION_PATTERN, MAX_SECONDS
from ci_ops.plugins import Family

if TYPE_CHECKING:
    from ci_ops.config.shapes import Kind, Member, Shape
    from ci_ops.core.plugin import Plugin

Schema = dict[str, Any]
MAX_COLUMN = 110

_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
_TEXT: Schema = {"type": ["string", "number", "null"]}
"""A number is kept as it is written, so that `1.10` needs no quotes; null removes, in an environment."""
_KINDS: dict[Kind, Schema] = {
    "text": _TEXT,
    "secret": _TEXT,
    "shell": _TEXT,
    "path": _TEXT,
    "integer": {"anyOf": [{"type": ["integer", "null"]}, _VARIABLE]},
    "number": {"anyOf": [{"type": ["number", "null"]}, _VARIABLE]},
    "boolean": {"anyOf": [{"type": ["boolean", "null"]}, _VARIABLE]},
    "duration": {
        "anyOf": [
            {"type": ["number", "null"], "minimum": 0, "maximum": MAX_SECONDS},
            {"type": "string", "pattern": DURATION_PATTERN},
            _VARIABLE,
        ],
        "examples": ["500ms", "30s", "2m"],
    },
    "date": {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$|\$\{"},
    "anything": {},
}
_SWITCHES = {
    "enabled": "False leaves this entry out.",
    "required": "False lets the check fail without standing in the way.",
}


def schema_text(root: str = "ci_ops") -> str:
    """Return the schema as it is committed and printed."""
    return compact_json(schema(root)) + "\n"


def schema(root: str = "ci_ops") -> Schema:
    """Return the schema of ci-ops.yml with every plugin of the families under `root`."""
    definitions: dict[str, Schema] = {}
    document = _Writer(root, definitions).table(record_of(Config), {})
    in_environment = _Writer(root, definitions, is_overlay=True).table(record_of(Config), {})
    in_environment["properties"].pop("version")
    document["properties"] |= {
        ENVIRONMENTS: {
            "description": "What differs in an environment: maps merge, lists replace, null removes.",
            "type": ["object", "null"],
            "additionalProperties": in_environment | {"description": "What differs in this environment."},
        },
        SCHEMA_KEY: {"description": "The address of this schema, for editors.", "type": "string"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ci-ops.yml",
        **document,
        "$defs": dict(sorted(definitions.items())),
    }


@dataclass(slots=True)
class _Writer:
    """A schema generator; a shape that occurs more than once becomes a definition."""

    root: str
    definitions: dict[str, Schema]
    is_overlay: bool = False
    """In an environment nothing is required: it may be in the file itself."""

    @property
    def prefix(self) -> str:
        """The prefix of definitions that differ between the file and an environment."""
        return "environment-" if self.is_overlay else ""

    def of(self, shape: Shape) -> Schema:
        """Return the schema of one shape."""
        match shape:
            case One():
                return self.defined(shape.kind, _KINDS[shape.kind])
            case Choice():
                return {"anyOf": [{"enum": [*shape.values, None]}, _VARIABLE]}
            case Either():
                return _any_of([self.of(each) for each in shape.shapes])
            case ListOf():
                whole = replace(self, is_overlay=False)  # a list replaces, so its items are whole
                return {"type": ["array", "null"], "items": whole.of(shape.item)}
            case MapOf():
                return {"type": ["object", "null"], "additionalProperties": self.of(shape.item)}
            case Record():
                return self.record(shape)
            case Plugged():
                return self.plugged(shape.family, is_named=False)
            case PluggedMap():
                return self.plugged_map(shape.family)

    def record(self, shape: Record) -> Schema:
        """Return the schema of a dataclass: sections inline, any other as a reference to its definition."""
        if shape.cls.__module__ == Config.__module__ and shape.cls.__name__.endswith("Section"):
            return self.table(shape, {})
        key = kebab(shape.cls.__name__)
        if key not in self.definitions:
            self.definitions[key] = self.table(shape, {})
        return self.requiring(self.reference(key), shape)

    def table(self, shape: Record, more: dict[str, Schema]) -> Schema:
        """Return the schema of a map with the dataclass's fields and additional keys."""
        docs = field_docs(shape.cls)
        return {
            "description": first_sentence(shape.cls),
            "type": ["object", "null"],
            "properties": more | {each.key: self.member(each, docs) for each in shape.members},
            "additionalProperties": False,
        }

    def requiring(self, reference: Schema, shape: Record) -> Schema:
        """Return the reference together with the keys that have no default."""
        required = [each.key for each in shape.members if not each.has_default]
        return reference | ({"required": required} if required and not self.is_overlay else {})

    def member(self, member: Member, docs: dict[str, str]) -> Schema:
        """Return the schema of one field, with its description and default."""
        written: Schema = self.of(member.shape)
        if member.attribute in docs:
            written = written | {"description": docs[member.attribute]}
        default = _plain(member.make_default()) if member.has_default else None
        return written | ({"default": default} if default not in (None, "", [], {}) else {})

    def plugged_map(self, family: str) -> Schema:
        """Return the schema of plugins by name, one definition for every map of the family."""
        plugins = self.plugins(family)
        key = f"{self.prefix}{plugins.name}"
        if key not in self.definitions:
            self.definitions[key] = {}  # its plugins have no such map, but the order stays the same
            any_of_them = self.plugged(family, is_named=True)
            self.definitions[key] = {
                "type": ["object", "null"],
                "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
                "properties": {
                    name: self.typed_or(any_of_them, self.plugin(family, name, is_named=True))
                    for name in plugins.names()
                },
                "additionalProperties": self.typed_or(any_of_them, self.nameless(plugins, any_of_them)),
            }
        return self.reference(key)

    def typed_or(self, typed: Schema, otherwise: Schema) -> Schema:
        """Return the schema of a map whose `type` selects the plugin; by default its key does."""
        self.definitions["typed"] = {"type": "object", "required": ["type"]}
        return {"if": self.reference("typed"), "then": typed, "else": otherwise}

    def nameless(self, plugins: Family[Plugin], any_of_them: Schema) -> Schema:
        """Return the schema for a key that names no plugin, whose type may be set in the file itself."""
        if self.is_overlay:
            return any_of_them
        names = ", ".join(plugins.names())
        sentence = f"There is no {plugins.word} of this name; a name of your own needs `type`: {names}."
        # `errorMessage` is what editors show; other validators say that the key is not allowed here.
        return {"required": ["type"], "not": {}, "errorMessage": sentence}

    def plugged(self, family: str, *, is_named: bool) -> Schema:
        """Return the schema of any plugin of the family, selected by `type`."""
        plugins = self.plugins(family)
        key = f"{self.prefix}{plugins.word}"
        written: Schema = {
            "type": ["object", "null"] if self.is_overlay else "object",
            "properties": {"type": {"enum": list(plugins.names())}},
            "allOf": [
                {
                    "if": {"required": ["type"], "properties": {"type": {"const": name}}},
                    "then": self.plugin(family, name, is_named=is_named),
                }
                for name in plugins.names()
            ],
        }
        return self.defined(key, written | ({} if self.is_overlay else {"required": ["type"]}))

    def plugin(self, family: str, name: str, *, is_named: bool) -> Schema:
        """Return a reference to the schema of one plugin."""
        plugins = self.plugins(family)
        key = f"{plugins.word}-{name}"
        shape = record_of(plugins.load(name))
        if key not in self.definitions:
            more: dict[str, Schema] = {"type": {"const": name}}
            for each in switches_of(family, shape, is_named=is_named):
                more[each] = self.of(One("boolean")) | {"description": _SWITCHES[each], "default": True}
            self.definitions[key] = self.table(shape, more)
        return self.requiring(self.reference(key), shape)

    def defined(self, key: str, written: Schema) -> Schema:
        """Add a definition and return the reference to it."""
        self.definitions[key] = written
        return self.reference(key)

    def plugins(self, family: str) -> Family[Plugin]:
        """Return the plugins of that family."""
        return Family(f"{self.root}.{family}")

    def reference(self, key: str) -> Schema:
        """Return a reference to a definition."""
        return {"$ref": f"#/$defs/{key}"}


def compact_json(value: Any, *, indent: int = 0) -> str:
    """Return JSON in which a list or map that fits on one line is on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= MAX_COLUMN or not isinstance(value, dict | list) or not value:
        return line
    inner, blanks = indent + 2, " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {compact_json(each, indent=inner)}" for key, each in value.items()]
    else:
        items = [compact_json(each, indent=inner) for each in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    body = ",\n".join(f"{blanks}{each}" for each in items)
    return f"{first}\n{body}\n{' ' * indent}{last}"


def _any_of(options: list[Schema]) -> Schema:
    flat = [one for each in options for one in (each["anyOf"] if set(each) == {"anyOf"} else [each])]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _plain(value: Any) -> Any:
    """Return a default as JSON; None if there is none to show."""
    if isinstance(value, bool | int | float):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, str | StrEnum | Path | date):
        return str(value)
    if isinstance(value, list | tuple | frozenset | set):
        items = [_plain(each) for each in value]
        return sorted(items) if isinstance(value, frozenset | set) else items
    return None


if __name__ == "__main__":
    sys.stdout.write(schema_text())
