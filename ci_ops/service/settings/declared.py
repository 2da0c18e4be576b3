"""Writes the contract of an application for the pipeline.

`python -m ci_ops.service.settings.declared module:name`.

Run in a child process of the project's interpreter, from the project's root.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from ci_ops.core.contract.document import ANSWER, REFUSAL, contract_to_json, digits_of
from ci_ops.core.contract.variables import Contract
from ci_ops.service.settings.settings_class import is_settings_class, settings_contract

MAX_ERROR_CHARACTERS, MAX_NAMES = 4000, 10
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


class NotDeclared(Exception):
    """There is no contract at that name."""


def contract_at(app: str) -> Contract:
    """Return the contract at `module:name`.

    Raises NotDeclared, whose sentence shows no value.
    """
    module, _, path = app.partition(":")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise NotDeclared(f"there is no module {error.name}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the application raises is told
        return _refused(error, module)
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise NotDeclared(f"{module} has no {path}")
    return contract_of(found)


def contract_of(declared: Any) -> Contract:
    """Return the contract that an object declares.

    A Contract, anything with a `contract`, or a pydantic-settings class or object. Raises NotDeclared.
    """
    if is_settings_class(declared) or is_settings_class(type(declared)):
        return settings_contract(declared if isinstance(declared, type) else type(declared))
    if isinstance(declared, type):
        declared = declared()
    contract = getattr(declared, "contract", declared)
    if not isinstance(contract, Contract):
        raise NotDeclared(f"a {type(declared).__name__} is no contract, and has none as its `contract`")
    return contract


def _refused(error: BaseException, module: str) -> Contract:
    """The contract of the settings class that the module itself fills at import, and that refuses.

    Raises NotDeclared where there is none, or where its contract finds nothing wrong: something
    else is, and the application does not start.
    """
    settings = _settings_in(error)
    contract = settings_contract(settings) if settings is not None else Contract()
    problems = contract.validate(os.environ).problems
    if settings is not None and settings.__module__ == module and problems:
        return contract
    names = [each.name for each in problems if each.rule == "missing"] or _unset_names(str(error))
    verb = "is" if len(names) == 1 else "are"
    unset = f"; {', '.join(names)} {verb} not set" if names else ""
    # The error's text may hold a value; where it was raised, and names of unset variables, never do.
    raise NotDeclared(f"importing {module} raises {type(error).__name__} in {_place(error)}{unset}") from None


def _settings_in(error: BaseException) -> Any:
    """Return the settings class whose object could not be made; None when something else was raised."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        for name in ("self", "__pydantic_self__"):
            made = type(frame.f_locals.get(name))
            if is_settings_class(made):
                return made
    return None


def _unset_names(text: str) -> list[str]:
    """Return names of variables in an error's text: in capitals, not set, and part of no value."""
    values = "\n".join(os.environ.values())
    words = dict.fromkeys(_VARIABLE.findall(text[:MAX_ERROR_CHARACTERS]))
    return [each for each in words if each not in os.environ and each not in values][:MAX_NAMES]


def _place(error: BaseException) -> str:
    """Return file and line of the application, without our own frames and Python's machinery."""
    frames = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    filename, line = next((each for each in reversed(frames) if not each[0].startswith("<")), ("", 0))
    return f"{Path(filename).name}, line {line}"


def main(arguments: list[str]) -> int:
    """Write the contract, or why there is none, and return the exit code."""
    try:
        contract = contract_at(arguments[0])
    except NotDeclared as error:
        print(f"{REFUSAL} {error}", file=sys.stderr)  # noqa: T201 - read by the process that started this one
        return 1
    document = json.dumps(contract_to_json(contract)).encode()
    print(f"\n{ANSWER}{digits_of(document)}")  # noqa: T201 - the same; the application may have begun a line
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
