"""Values as `ci-ops config show` prints them: on one line, without secrets.

On one line, without secrets.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.config.scalars import resolve
from ci_ops.config.shapes import Either, ListOf, MapOf, One, Record, key_of
from ci_ops.config.tree import Listing, Node, Scalar
from ci_ops.core.text.secret import HIDDEN, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.config.shapes import Shape

_BARE = re.compile(r"[\w./][\w ./@:=+%^-]*")
_WHOLE_VARIABLE = re.compile(r"\$\{\w+\}")


def options_of(shape: Shape) -> Iterable[Shape]:
    """Return the alternatives of a shape."""
    return shape.shapes if isinstance(shape, Either) else (shape,)


def unread_text(shape: Shape, node: Node) -> str:
    """Return the spelling of a value that cannot or must not be shown as parsed."""
    if isinstance(node, Scalar):
        is_public = not _holds_secrets(shape) or _WHOLE_VARIABLE.fullmatch(node.text)
        return node.text if is_public else HIDDEN
    return HIDDEN if _holds_secrets(shape) else json.dumps(_as_written(node), ensure_ascii=False)


def _holds_secrets(shape: Shape) -> bool:
    match shape:
        case Either():
            return any(map(_holds_secrets, shape.shapes))
        case ListOf() | MapOf():
            return _holds_secrets(shape.item)
        case Record():
            return any(_holds_secrets(member.shape) for member in shape.members)
        case _:
            return shape == One("secret")


def _as_written(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [_as_written(each) for each in node.nodes]
    return {key: _as_written(each.node) for key, each in node.entries.items()}


def value_text(shape: Shape, value: Any) -> str:
    """Return the text of a field's value with that shape."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, float) and One("duration") in options_of(shape):
        return f"{value:g}s"
    plain = _plain(value)
    return word_text(plain) if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def word_text(text: str) -> str:
    """Return the text unquoted if YAML reads it as the same text, else quoted."""
    is_bare = _BARE.fullmatch(text) and ": " not in text and text[-1] not in " :" and resolve(text) == text
    return text if is_bare else json.dumps(text, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return the value for JSON, without secrets."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        pairs = ((key_of(each.name), getattr(value, each.name), each.default) for each in fields(value))
        return {key: _plain(each) for key, each, default in pairs if each != default}
    return str(value)
