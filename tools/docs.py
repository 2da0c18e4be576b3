"""Write docs/reference.md, docs/troubleshooting.md, ci-ops.schema.json and the kit's stub from the code."""

from __future__ import annotations

import ast
import inspect
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

import ci_ops.service
from ci_ops.cli import cli
from ci_ops.config.model import Config
from ci_ops.config.schema import schema_text
from ci_ops.config.shapes import families_in, record_of
from ci_ops.core.plugin import Plugin
from ci_ops.flows.explain import troubleshooting_page
from ci_ops.plugins import Family, family
from tools import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
ACTIONS = ("readiness", "deploy", "verify", "notify", "rollback")
HEAD = """# Reference

Generated from the code by `make docs`; a test holds it to the code.

"""


def pages() -> dict[Path, str]:
    """Return every generated file with its text."""
    return {
        ROOT / "docs" / "reference.md": reference(),
        ROOT / "docs" / "troubleshooting.md": troubleshooting_page(),
        ROOT / "ci-ops.schema.json": schema_text(),
        ROOT / "ci_ops" / "service" / "__init__.pyi": service_stub(),
    }


def service_stub() -> str:
    """Return the kit's stub for type checkers, which cannot see lazily imported names."""
    homes: dict[str, str] = vars(ci_ops.service)["_HOMES"]
    names = sorted(homes, key=_as_ruff_sorts)
    lines = ["# Written by `make docs` from the table in __init__.py.", ""]
    lines += [
        f"from ci_ops.service.{homes[name]} import {name} as {name}"
        for name in sorted(names, key=lambda name: homes[name])
    ]
    return "\n".join([*lines, "", "__all__ = [", *(f'    "{name}",' for name in names), "]", ""])


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Return the sort key of a name as ruff's: constants, classes, everything else."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def reference() -> str:
    """Return the reference of actions, commands and every plugin's settings."""
    parts = [HEAD, "## Actions\n\n", *(_action(name) for name in ACTIONS)]
    parts += ["## Commands\n\n", *_commands()]
    parts.append(
        "## Checks, targets, channels\n\n"
        "Each entry may also say `type` (the plugin, where the key is another name) and `enabled: false`;\n"
        "a check may say `required: false`. Durations are `500ms`, `2m` or seconds.\n\n"
        "Commands run in `bash -eo pipefail`, as a workflow's step with `shell: bash`: the first line that fails\n"
        "ends them, and a pipe fails with any of its programs. Without bash they run in `sh -e`, where only the\n"
        "last program of a pipe counts; on Windows in `cmd`, which reads one line.\n\n"
    )
    for name in families_in(record_of(Config)):
        each = Family[Plugin](f"ci_ops.{name}")
        parts += [_plugin(f"{each.word} `{plugin}`", each.load(plugin)) for plugin in each.names()]
    parts.append("## Formats\n\n")
    formats = family("formats")
    for name in formats.names():
        text = (formats.load(name).__doc__ or "").strip().split("\n")[0]
        parts.append(f"- `{name}`: {text}\n")
    homes: dict[str, str] = vars(ci_ops.service)["_HOMES"]
    rows = (
        _row(name, home, first_line(name, f"ci_ops.service.{home}")) for name, home in sorted(homes.items())
    )
    parts.append(
        "\n## The kit\n\nEvery name is imported from `ci_ops.service`; its pages are in docs/service.\n\n"
    )
    parts.append(_table(("name", "module", "what it is"), rows))
    return "".join(parts).rstrip() + "\n"


def first_line(name: str, module: str) -> str:
    """Return the first line of a name's documentation: its docstring, or the text below a value."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    body = ast.parse(Path(spec.origin).read_bytes()).body
    for node, after in pairwise([*body, ast.Pass()]):
        text: str | None = None
        if isinstance(node, ast.ImportFrom) and name in {each.name for each in node.names}:
            text = first_line(name, str(node.module))
        elif isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            text = ast.get_docstring(node)  # none where it is an overload
        elif (
            name in _assigned(node) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        ):
            text = str(after.value.value)
        if text:
            return text.partition("\n")[0]
    raise LookupError(f"nothing is said of {name} in {module}")


def _assigned(node: ast.stmt) -> set[str]:
    """Return the names of a module that a statement binds."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _action(name: str) -> str:
    action: dict[str, Any] = yaml.safe_load((ROOT / "actions" / name / "action.yml").read_text())
    inputs = (
        _row(key, each.get("default", ""), each["description"]) for key, each in action["inputs"].items()
    )
    outputs = (_row(key, "", each["description"]) for key, each in action["outputs"].items())
    return (
        f"### {name}\n\n{action['description']}\n\n"
        + _table(("input", "default", "meaning"), inputs)
        + _table(("output", "", "meaning"), outputs)
    )


def _commands() -> list[str]:
    context = click.Context(cli, info_name="ci-ops")
    parts = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        with click.Context(command, info_name=f"ci-ops {name}", terminal_width=100) as inner:
            parts.append(f"### ci-ops {name}\n\n```text\n{command.get_help(inner)}\n```\n\n")
    return parts


def _plugin(title: str, cls: type[Plugin]) -> str:
    about = " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())
    return f"### {title}\n\n{about}\n\n" + _table(
        settings.HEAD, (each.row() for each in settings.settings_of(cls))
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    listed = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not listed:
        return "It has no settings.\n\n"
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *listed]) + "\n\n"


def _row(key: str, default: str, meaning: str) -> tuple[str, str, str]:
    return f"`{key}`", f"`{default}`" if default else "", meaning


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the files that have changed."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
