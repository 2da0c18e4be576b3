"""The texts of `ci-ops config` about an application's declaration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.config.find import find_project
from ci_ops.core.contract.document import contract_to_json
from ci_ops.core.contract.pages import dotenv_text, markdown_text
from ci_ops.core.declaration import read_declaration
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.contract.variables import Contract


def declared(app: str, env: Mapping[str, str], python: str = "", directory: str = "") -> Contract:
    """Return the contract of the application in that folder. Raises UsageError."""
    root = find_project(Path.cwd(), {}, directory=directory or ".").folder
    return read_declaration(app, RealWorld(env=env).process, root=root, env=env, python=python)


def checked_text(app: str, contract: Contract, env: Mapping[str, str]) -> str:
    """Return the passed variables and the warnings. Raises ConfigError with every problem."""
    reading = contract.validate(env)
    if reading.problems:
        every = (*reading.problems, *(f"only a warning: {each}" for each in reading.warnings))
        hint = f"Set them where the application runs; `ci-ops config variables --app {app}` lists what each has to be."
        raise ConfigError((Problem(str(each), path=app, location="") for each in every), hint=hint)
    warnings = "".join(f"warning: {app}: {each}\n" for each in reading.warnings)
    return f"{warnings}{app}: {len(reading.is_set)} of {len(contract.variables)} variables are set, no problems.\n"


def variables_text(contract: Contract, *, form: str) -> str:
    """Return the declaration in the given format: dotenv, markdown or json."""
    if form == "json":
        import json  # noqa: PLC0415 - the pages of text do without

        return json.dumps(contract_to_json(contract), indent=2) + "\n"
    return dotenv_text(contract) if form == "dotenv" else markdown_text(contract)
