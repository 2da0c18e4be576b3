"""docs/reference.md against the classes themselves: fields, types, defaults, allowed words, examples."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml

from ci_ops.config.load import Source, examine
from ci_ops.core.fields import DurationMark, ShellMark
from ci_ops.core.plugin import family_bases
from ci_ops.core.text.durations import parse_duration
from ci_ops.core.text.secret import Secret
from ci_ops.plugins import Family
from tests.support.parts import ROOT

PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
FAMILIES = ("checks", "targets", "channels")
PLUGINS = [(family, name) for family in FAMILIES for name in Family[Any](f"ci_ops.{family}").names()]
WORDS = {str: "text", int: "integer", float: "number", bool: "boolean", Secret: "secret", Any: "any value"}
VARIABLE = re.compile(r"\$\{(\w+)\}")


def rows(family: str, name: str) -> dict[str, dict[str, str]]:
    """The rows of a plugin's table by setting, cells without their backticks."""
    word = family_bases()[family].family_word
    section = PAGE.split(f"### {word} `{name}`\n")[1].partition("\n#")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]
    found = {}
    for line in table[1:]:
        cells = [each.strip().replace("\\|", "|") for each in re.split(r"(?<!\\)\|", line)[1:-1]]
        key, kind, default, example, meaning = cells
        found[key.strip("`")] = {
            "type": kind,
            "default": default if default == "required" else default[1:-1],
            "example": example[1:-1],
            "meaning": meaning,
        }
    return found


def type_words(annotation: Any) -> set[str]:
    """The words that the type's cell has to hold."""
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
        return {"list of", *type_words(arguments[0])}
    if origin in {dict, Mapping}:
        return {"map of", *type_words(arguments[1])}
    return {"map"} if dataclasses.is_dataclass(annotation) else {WORDS[annotation]}


def section_of(family: str, name: str) -> str:
    if family != "checks":
        return family
    phases = Family[Any]("ci_ops.checks").load(name).phases
    return "verify" if "verify" in phases else "readiness"


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_the_reference_says_what_the_class_says(family: str, name: str) -> None:
    cls = Family[Any](f"ci_ops.{family}").load(name)
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {each.name.rstrip("_").replace("_", "-"): each for each in dataclasses.fields(cls)}
    table = rows(family, name) if fields else {}
    assert [key for key in table if "." not in key and "[" not in key] == list(fields)
    for key, each in fields.items():
        has_default = (
            each.default is not dataclasses.MISSING or each.default_factory is not dataclasses.MISSING
        )
        row = table[key]
        assert (row["default"] == "required") is not has_default, key
        assert all(word in row["type"] for word in type_words(hints[each.name])), key
        assert row["meaning"], key
        if has_default and isinstance(each.default, bool | int | float | str) and each.default != "":
            written = yaml.safe_load(row["default"])
            is_duration = row["type"] == "duration"
            assert (parse_duration(written) if is_duration else written) == each.default, key


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_every_example_of_the_reference_is_taken_by_the_reader(
    tmp_path: Path, family: str, name: str
) -> None:
    table = rows(family, name) if "| setting |" in PAGE.split(f"`{name}`\n")[1].partition("\n#")[0] else {}
    needed = {
        key: row["example"] for key, row in table.items() if row["default"] == "required" and "." not in key
    }
    for key, row in table.items():
        if "." in key or "[" in key:
            continue
        settings = ", ".join(
            f"{each}: {example}" for each, example in {**needed, key: row["example"]}.items()
        )
        entry = f"{{type: {name}, {settings}}}"
        text = {
            "checks": f"{section_of(family, name)}: {{checks: {{one: {entry}}}}}",
            "targets": f"deploy: {{target: {entry}}}",
            "channels": f"notify: {{channels: {{one: {entry}}}}}",
        }[family]
        (tmp_path / "ci-ops.yml").write_text(text)
        env = dict.fromkeys(VARIABLE.findall(text), "https://hooks.slack.com/services/T/B/x")
        assert [str(each) for each in examine(Source(env=env, start=tmp_path)).problems] == [], text
