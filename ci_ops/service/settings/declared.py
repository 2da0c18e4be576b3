"""Writes down the contract of an application.

`python -m ci_ops.service.settings.declared module:name`.

Run by the pipeline, in a child process of the project's interpreter, from the
project's root.
"""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from ci_ops.core.contract.document import ANSWER, REFUSAL, contract_to_json
from ci_ops.core.contract.variables import Contract
from ci_ops.service.settings.settings_class import is_settings_class, settings_contract


class NotDeclared(Exception):
    """There is no contract at that name."""


def contract_at(app: str) -> Contract:
    """The contract that `module:name` leads to.

    Raises NotDeclared, whose sentence shows no value.
    """
    module, _, path = app.partition(":")
    found = _imported(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise NotDeclared(f"{module} has no {path}")
    return contract_of(found)


def contract_of(declared: Any) -> Contract:
    """The contract that an object declares.

    A Contract, anything with a `contract`, or a pydantic-settings class. Raises NotDeclared.
    """
    if is_settings_class(declared):
        return settings_contract(declared)
    if isinstance(declared, type):
        declared = declared()
    contract = getattr(declared, "contract", declared)
    if not isinstance(contract, Contract):
        raise NotDeclared(f"a {type(declared).__name__} is no contract, and has none as its `contract`")
    return contract


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise NotDeclared(f"there is no module {error.name}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the application raises is told
        # Its text may hold a value; where it was raised never does.
        sentence = f"importing {module} raises {type(error).__name__} in {_place(error)}"
        raise NotDeclared(sentence) from None


def _place(error: BaseException) -> str:
    """File and line of the application; our own and Python's machinery aside."""
    frames = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    filename, line = next((each for each in reversed(frames) if not each[0].startswith("<")), ("", 0))
    return f"{Path(filename).name}, line {line}"


def main(arguments: list[str]) -> int:
    """Write the contract, or why there is none; returns the exit code."""
    try:
        contract = contract_at(arguments[0])
    except NotDeclared as error:
        print(f"{REFUSAL} {error}", file=sys.stderr)  # noqa: T201 - read by the process that started this one
        return 1
    document = json.dumps(contract_to_json(contract)).encode()
    print(f"\n{ANSWER}{document.hex()}")  # noqa: T201 - the same; the application may have begun a line
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
