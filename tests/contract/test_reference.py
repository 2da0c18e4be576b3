"""docs/reference.md against the classes themselves: fields, types, defaults, allowed words, examples.

Nothing here asks the generator of that page, or what it is written from: `typing` reads the annotations, `inspect` the
sources.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

import pytest
import yaml

from ci_ops.config.load import Source, examine
from ci_ops.core.fields import DurationMark, ShellMark
from ci_ops.core.plugin import family_bases
from ci_ops.core.text.durations import parse_duration
from ci_ops.core.text.secret import Secret
from ci_ops.plugins import Family
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
HEAD = ["setting", "type", "default", "example", "meaning"]
WORDS = {str: "text", int: "integer", float: "number", bool: "boolean", Secret: "secret", Any: "any value"}
VARIABLE = re.compile(r"\$\{(\w+)\}")
MAX_DEPTH = 3


class Row(NamedTuple):
    """A setting as the page shows it, without backticks around cells."""

    type: str
    default: str
    example: str
    meaning: str


class Field(NamedTuple):
    """A setting as its class has it."""

    owner: type[Any]
    field: dataclasses.Field[Any]
    annotation: Any

    @property
    def is_required(self) -> bool:
        missing = dataclasses.MISSING
        return self.field.default is missing and self.field.default_factory is missing

    @property
    def default(self) -> Any:
        """The default as plain YAML has it; None for nothing, and for a map with settings of its own."""
        made = self.field.default
        if made is dataclasses.MISSING:
            assert self.field.default_factory is not dataclasses.MISSING
            made = self.field.default_factory()
        if isinstance(made, tuple | list | frozenset):
            return [str(each) if isinstance(each, StrEnum) else each for each in made] or None
        if dataclasses.is_dataclass(made) or made in (None, "", {}):
            return None
        return made

    @property
    def meaning(self) -> str:
        """The text below the field in the source of the class that declares it."""
        declared = next(
            each for each in self.owner.__mro__ if self.field.name in inspect.get_annotations(each)
        )
        pattern = rf'^    {self.field.name}: .*?^    """(.*?)"""'
        found = re.search(pattern, inspect.getsource(declared), re.DOTALL | re.MULTILINE)
        return " ".join(found[1].split()) if found else ""


def plugins() -> Iterator[tuple[str, str]]:
    """Yield family and name of each plugin of a family that has settings."""
    for family in family_bases():
        found = Family[Any](f"ci_ops.{family}")
        if any(
            dataclasses.is_dataclass(found.load(name)) and keys(found.load(name)) for name in found.names()
        ):
            yield from ((family, name) for name in found.names())


def keys(cls: type[Any]) -> dict[str, Field]:
    """Return every setting by its key, those of nested maps under theirs, in the order of the class."""
    return dict(_keys(cls, ""))


def _keys(cls: type[Any], above: str) -> Iterator[tuple[str, Field]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    for each in dataclasses.fields(cls):
        key, annotation = above + each.name.rstrip("_").replace("_", "-"), hints[each.name]
        yield key, Field(cls, each, annotation)
        inner, infix = nested(annotation)
        if inner is not None and above.count(".") < MAX_DEPTH:
            yield from _keys(inner, f"{key}{infix}.")


def nested(annotation: Any) -> tuple[type[Any] | None, str]:
    """Return the dataclass that a value is made of, and how the key of its fields goes on."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return annotation, ""
    if origin is tuple:
        return nested(arguments[0])[0], "[]"
    if origin in {dict, Mapping}:
        return nested(arguments[1])[0], ".<name>"
    if origin in {types.UnionType, typing.Union}:
        return next((found for each in arguments if (found := nested(each))[0] is not None), (None, ""))
    return None, ""


def type_words(annotation: Any) -> set[str]:
    """Return what a value may be, each alternative on its own."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if DurationMark in arguments:
        return {"duration"}
    if ShellMark in arguments:
        return {"shell"}
    if origin is Literal:
        return {f"`{each}`" for each in arguments}
    if origin in {types.UnionType, typing.Union}:
        return set().union(*(type_words(each) for each in arguments if each is not type(None)))
    if origin is tuple:
        return joined("list of", arguments[0])
    if origin in {dict, Mapping}:
        return joined("map of", arguments[1])
    return {"map"} if dataclasses.is_dataclass(annotation) else {WORDS[annotation]}


def joined(head: str, item: Any) -> set[str]:
    """Return the words of `list of text or integer`, of which the first alone has the head."""
    first, *others = sorted(type_words(item))
    return {f"{head} {first}", *others}


PLUGINS = list(plugins())


def rows(family: str, name: str) -> dict[str, Row]:
    """Return the rows of a plugin's table by setting."""
    section = PAGE.split(f"### {family_bases()[family].family_word} `{name}`\n")[1].partition("\n#")[0]
    lines = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in section.splitlines()
        if line.startswith("| ")
    ]
    assert lines[:1] in ([HEAD], [])
    return {
        key.strip("`"): Row(kind, default if default == "required" else default[1:-1], example[1:-1], meaning)
        for key, kind, default, example, meaning in lines[1:]
    }


def without_heads(words: set[str]) -> set[str]:
    """Return the words without the order in which alternatives of an item stand."""
    heads = {head for word in words for head in ("list of ", "map of ") if word.startswith(head)}
    return heads | {word.removeprefix("list of ").removeprefix("map of ") for word in words}


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_the_reference_says_what_the_class_says(family: str, name: str) -> None:
    assert_described(Family[Any](f"ci_ops.{family}").load(name), rows(family, name))


def assert_described(cls: type[Any], table: Mapping[str, Row]) -> None:
    """Assert that the table says of each setting of the class what it is, and nothing else."""
    fields = keys(cls)
    assert list(table) == list(fields)
    for key, field in fields.items():
        row = table[key]
        assert without_heads(set(row.type.split(" or "))) == without_heads(type_words(field.annotation)), key
        assert row.meaning == field.meaning != "", key
        assert (row.default == "required") is field.is_required, key
        if not field.is_required:
            written = yaml.safe_load(row.default) if row.default else None
            assert (
                parse_duration(written) if row.type == "duration" and written else written
            ) == field.default, key


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("paths", {"default": "{}"}),
        ("parallel", {"default": "33"}),
        ("parallel", {"default": "required"}),
        ("parallel", {"type": "integer or text"}),
        ("send-headers", {"type": "map of text"}),
        ("paths.<name>.latency.warn", {"type": "number"}),
        ("paths.<name>.status", {"meaning": "What it answers."}),
    ],
)
def test_a_cell_that_says_something_else_is_found(key: str, change: dict[str, str]) -> None:
    table = rows("checks", "endpoints")
    table[key] = table[key]._replace(**change)
    with pytest.raises(AssertionError):
        assert_described(Family[Any]("ci_ops.checks").load("endpoints"), table)


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_every_example_of_the_reference_is_taken_by_the_reader(
    tmp_path: Path, family: str, name: str
) -> None:
    table = rows(family, name)
    for key in table:
        entry = f"{{type: {name}, {settings_with(table, key)}}}"
        text = {
            "checks": f"{section_of(family, name)}: {{checks: {{one: {entry}}}}}",
            "targets": f"deploy: {{target: {entry}}}",
            "channels": f"notify: {{channels: {{one: {entry}}}}}",
        }[family]
        (tmp_path / "ci-ops.yml").write_text(text)
        env = dict.fromkeys(VARIABLE.findall(text), "https://hooks.slack.com/services/T/B/x")
        assert [str(each) for each in examine(Source(env=env, start=tmp_path)).problems] == [], text


def settings_with(table: Mapping[str, Row], key: str, above: str = "") -> str:
    """Return the settings that a map needs and the example of this key, which may lie deeper."""
    here = {each.removeprefix(above): row for each, row in table.items() if each.startswith(above)}
    here = {each: row for each, row in here.items() if "." not in each and "[" not in each}
    written = {each: row.example for each, row in here.items() if row.default == "required"}
    first = re.split(r"\.|\[", key.removeprefix(above))[0]
    rest = key.removeprefix(above + first)
    if not rest:
        written[first] = here[first].example
    elif rest.startswith("[]."):
        written[first] = f"[{{{settings_with(table, key, f'{above}{first}[].')}}}]"
    elif rest.startswith(".<name>."):
        name = "/name" if here[first].example.startswith("{/") else "name"
        written[first] = f"{{{name}: {{{settings_with(table, key, f'{above}{first}.<name>.')}}}}}"
    else:
        written[first] = f"{{{settings_with(table, key, f'{above}{first}.')}}}"
    return ", ".join(f"{each}: {example}" for each, example in written.items())


def section_of(family: str, name: str) -> str:
    """Return the section of the file in which that check stands."""
    if family != "checks":
        return family
    phases = Family[Any]("ci_ops.checks").load(name).phases
    return "verify" if "verify" in phases else "readiness"
