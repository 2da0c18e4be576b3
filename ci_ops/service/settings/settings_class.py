"""The contract of a pydantic-settings class, so that variables are declared once.

    ci-ops config check --app shop.settings:Settings

Read from the shapes of its fields, without importing pydantic; a field of any
other shape counts as text, and is validated by pydantic itself at startup.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from ci_ops.core.contract.variables import Contract, Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ci_ops.core.contract.values import Kind

_PLAIN: dict[Any, Kind] = {int: "int", float: "float", bool: "bool"}


def is_settings_class(declared: object) -> bool:
    """Return True for a class with pydantic's fields."""
    return isinstance(declared, type) and isinstance(getattr(declared, "model_fields", None), dict)


def settings_contract(settings: Any) -> Contract:
    """Return the variables that the class reads, with nested ones where it has a delimiter for them.

    Names are upper case unless the class is case-sensitive.
    """
    rules = settings.model_config
    prefix, delimiter = rules.get("env_prefix") or "", rules.get("env_nested_delimiter") or ""
    spelt = str if rules.get("case_sensitive") else str.upper
    return Contract(*_variables(settings, prefix, delimiter, spelt, is_required=True))


def _variables(
    settings: Any, prefix: str, delimiter: str, spelt: Callable[[str], str], *, is_required: bool
) -> Iterator[Variable]:
    for name, field in settings.model_fields.items():
        kind, is_optional = _without_none(field.annotation)
        needed = is_required and field.is_required() and not is_optional
        names = _aliases(field) or [prefix + name]
        if delimiter and is_settings_class(kind):
            yield from _variables(kind, names[0] + delimiter, delimiter, spelt, is_required=needed)
        else:
            yield _variable([spelt(each) for each in names], kind, field, is_required=needed)


def _variable(names: list[str], kind: Any, field: Any, *, is_required: bool) -> Variable:
    limits = _limits(field.metadata)
    is_secret = getattr(kind, "__name__", "").startswith("Secret")
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    shape: dict[str, Any] = {}
    if kind in _PLAIN:
        shape = {"kind": _PLAIN[kind]}
        if kind is not bool:  # a limit that is itself excluded is let through here, and caught by pydantic
            shape["minimum"] = limits.get("ge", limits.get("gt"))
            shape["maximum"] = limits.get("le", limits.get("lt"))
    elif choices and all(isinstance(each, str) for each in choices):
        shape = {"kind": "choice", "choices": choices}
    elif kind is str or is_secret:
        shape = {"secret": is_secret}
        shape |= {name: limits[name] for name in ("min_length", "max_length") if name in limits}
    elif getattr(kind, "__name__", "").endswith(("Url", "Dsn")):
        shape = {"kind": "url"}
    return Variable(
        names[0],
        fallbacks=tuple(names[1:]),
        required=is_required,
        description=field.description or "",
        **shape,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return the type itself, and whether it may be absent."""
    if get_origin(annotation) in {Union, types.UnionType}:
        inner = [each for each in get_args(annotation) if each is not type(None)]
        if len(inner) < len(get_args(annotation)):
            return (inner[0] if len(inner) == 1 else object), True
    return annotation, False


def _aliases(field: Any) -> list[str]:
    alias = field.validation_alias or field.alias
    choices = getattr(alias, "choices", [alias] if alias else [])
    return [each for each in choices if isinstance(each, str)]


def _limits(metadata: list[Any]) -> dict[str, Any]:
    """Return the limits of annotated-types, by the names of their attributes."""
    names = ("ge", "gt", "le", "lt", "min_length", "max_length")
    return {
        name: getattr(each, name)
        for each in metadata
        for name in names
        if getattr(each, name, None) is not None
    }
