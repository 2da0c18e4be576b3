"""Our action and workflow files, and the commands behind the actions, as data."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import yaml

from tests.support.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click

ACTIONS = ("readiness", "deploy", "verify", "notify", "rollback")
OURS = re.compile(
    r"(?P<repository>[\w.-]+/ci-ops)/(?P<path>actions/\w+|\.github/workflows/[\w.-]+)@(?P<ref>[\w.-]*\w)"
)


def action(name: str) -> dict[str, Any]:
    """The document of one action."""
    text = (ROOT / "actions" / name / "action.yml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def command(name: str) -> click.Command:
    """The command that an action starts."""
    return cast("click.Command", import_module(f"ci_ops.cli.{name}").command)


def workflow_files() -> list[Path]:
    """This repository's workflows, the reusable ones among them, and those for users' repositories."""
    folders = (ROOT / ".github" / "workflows", ROOT / "templates" / "workflows")
    return [path for folder in folders for path in sorted(folder.glob("*.yml"))]


def workflow(path: Path) -> dict[str, Any]:
    """The document of one workflow; its `on` is a word here, not a boolean."""
    document = cast("dict[Any, Any]", yaml.safe_load(path.read_text(encoding="utf-8")))
    return {("on" if key is True else key): value for key, value in document.items()}


def steps_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of every job."""
    for job in document["jobs"].values():
        yield from job.get("steps", ())


def our_action(step: dict[str, Any]) -> str:
    """The name of our action that a step uses; empty for any other step."""
    used = str(step.get("uses", ""))
    found = OURS.fullmatch(used)
    return (
        found["path"].partition("/")[2]
        if found
        else used.removeprefix("./actions/")
        if used[:2] == "./"
        else ""
    )
