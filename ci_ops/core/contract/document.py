"""Contracts as JSON, for another process or another version of ci-ops."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ci_ops.core.contract.variables import Contract, Variable

SCHEMA = 1
ANSWER = "ci-ops-contract:"
"""Before the contract as `digits_of` writes it."""
REFUSAL = "ci-ops-refusal:"
"""Before a sentence that says why there is no contract."""
MAX_VARIABLES = 1000
_OWN_DIGITS = bytes.maketrans(b"0123456789abcdef", b"ghijklmnopqrstuv")
_HEXADECIMAL = bytes.maketrans(b"ghijklmnopqrstuv", b"0123456789abcdef")


def digits_of(document: bytes) -> str:
    """Return the document encoded in sixteen letters instead of hexadecimal digits.

    Redaction of the output finds no secret in them, in any encoding.
    """
    return document.hex().encode().translate(_OWN_DIGITS).decode()


def document_of(digits: str) -> bytes:
    """Decode the result of `digits_of`. Raises ValueError."""
    return bytes.fromhex(digits.strip().encode().translate(_HEXADECIMAL).decode())


_DEFAULTS = {each.name: each.default for each in fields(Variable)}
_LISTS = frozenset({"choices", "schemes", "fallbacks"})
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("required", "secret"), (bool,)),
    **dict.fromkeys(("minimum", "maximum"), (int, float, type(None))),
    **dict.fromkeys(("min_length", "min_different"), (int,)),
    "max_length": (int, type(None)),
    "default": (str, type(None)),
    **dict.fromkeys(_LISTS, (list,)),
}
"""Of the members; every other one is a str."""


def contract_to_json(contract: Contract) -> dict[str, Any]:
    """Return the JSON form, without default values."""
    return {"schema": SCHEMA, "variables": [_written(each) for each in contract.variables]}


def contract_from_json(document: object) -> Contract:
    """Return the contract of a JSON form; unknown members are ignored. Raises ValueError."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"not a contract of schema {SCHEMA}")
    listed = document.get("variables")
    if not isinstance(listed, list) or len(listed) > MAX_VARIABLES:
        raise ValueError(f"a contract has a list of at most {MAX_VARIABLES} variables")
    return Contract(*(_read(each) for each in listed))


def _written(variable: Variable) -> dict[str, Any]:
    members = {name: getattr(variable, name) for name in _DEFAULTS}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in members.items()
        if name == "name" or value != _DEFAULTS[name]
    }


def _read(entry: object) -> Variable:
    if not isinstance(entry, dict) or "name" not in entry:
        raise ValueError("a variable of a contract has a name")
    known = {name: value for name, value in entry.items() if name in _DEFAULTS}
    for name, value in known.items():
        allowed = _TYPES.get(name, (str,))
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"a variable of a contract has another kind of {name}")
    for name in _LISTS & known.keys():
        known[name] = tuple(map(str, known[name]))
    return Variable(**known)
