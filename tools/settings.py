"""The settings of a plugin as rows of the reference: from its dataclass, not from the schema.

The example of a text is what its docstring shows in backticks after "such as" or "e.g.".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.config.fielddocs import field_docs
from ci_ops.config.shapes import Choice, Either, ListOf, MapOf, One, Record, record_of
from ci_ops.config.valuetext import value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.config.shapes import Member, Shape

HEAD = ("setting", "type", "default", "example", "meaning")
MAX_DEPTH = 3
_SHOWN = re.compile(r"(?:such as|e\.g\.) `([^`]+)`|: `({[^`]+})`")
_BY_KIND: dict[str, Any] = {
    "integer": 3,
    "number": 0.5,
    "boolean": True,
    "duration": "30s",
    "date": "2027-01-31",
    "anything": 1,
}


class _Written(str):
    """YAML from a docstring, used verbatim."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One row of the reference."""

    key: str
    """With the keys above it: `latency.warn`, `paths.<name>.status`."""
    type: str
    default: str
    """`required` where there is none."""
    example: str
    meaning: str

    def row(self) -> tuple[str, str, str, str, str]:
        """The Markdown cells of the row."""
        default = self.default if self.default in {"", "required"} else _code(self.default)
        return f"`{self.key}`", self.type, default, _code(self.example), self.meaning


def settings_of(cls: type[Any]) -> list[Setting]:
    """Return every setting of a plugin, those of nested maps under their own keys."""
    return list(_settings(record_of(cls), ""))


def _settings(record: Record, above: str) -> Iterator[Setting]:
    docs = field_docs(record.cls)
    for member in record.members:
        meaning, key = docs.get(member.attribute, ""), above + member.key
        yield Setting(
            key=key,
            type=type_text(member.shape),
            default=_default(member),
            example=_flow(_example(member, meaning, record)),
            meaning=meaning,
        )
        inner, infix = _nested(member.shape)
        if inner is not None and above.count(".") < MAX_DEPTH:
            yield from _settings(inner, f"{key}{infix}.")


def _nested(shape: Shape) -> tuple[Record | None, str]:
    match shape:
        case Record():
            return shape, ""
        case MapOf(item=Record() as inner):
            return inner, ".<name>"
        case ListOf(item=Record() as inner):
            return inner, "[]"
        case Either():
            found = [_nested(each) for each in shape.shapes]
            return next((each for each in found if each[0] is not None), (None, ""))
        case _:
            return None, ""


def type_text(shape: Shape) -> str:
    """Return the accepted values in words, with the allowed words."""
    match shape:
        case One():
            return "any value" if shape.kind == "anything" else shape.kind
        case Choice():
            return " or ".join(f"`{each}`" for each in shape.values)
        case ListOf():
            return f"list of {type_text(shape.item)}"
        case MapOf():
            return f"map of {type_text(shape.item)}"
        case Either():
            single_first = sorted(shape.shapes, key=lambda each: isinstance(each, ListOf))
            return " or ".join(dict.fromkeys(map(type_text, single_first)))
        case _:
            return "map"


def _default(member: Member) -> str:
    if not member.has_default:
        return "required"
    value = member.make_default()
    return (
        ""
        if value in (None, "", (), [], {}) or isinstance(member.shape, Record)
        else value_text(member.shape, value)
    )


def _example(member: Member, meaning: str, record: Record) -> Any:
    found = _SHOWN.search(meaning)
    example = (found[1] or found[2]) if found else ""
    default = member.make_default() if member.has_default else None
    return _of_shape(member.shape, example, default, f"{record.cls.__name__}.{member.key}")


def _of_shape(shape: Shape, example: str, default: Any, key: str) -> Any:
    match shape:
        case One():
            return _of_kind(shape, example, default, key)
        case Choice():
            return next((each for each in shape.values if each != default), shape.values[0])
        case ListOf():
            return [_of_shape(shape.item, example, None, key)]
        case MapOf():
            if example.startswith("{"):
                return _Written(example)
            name, _, rest = example.partition(": ")
            return {name or "name": _of_shape(shape.item, rest, None, key)}
        case Either():
            return _of_shape(shape.shapes[-1], example, default, key)
        case Record():
            docs = field_docs(shape.cls)
            chosen = [each for each in shape.members if not each.has_default] or list(shape.members[:1])
            return {each.key: _example(each, docs.get(each.attribute, ""), shape) for each in chosen}
        case _:
            raise LookupError(f"{key} is a plugin of its own")


def _of_kind(shape: One, example: str, default: Any, key: str) -> Any:
    if shape.kind == "boolean":
        return not default
    if shape.kind == "secret":
        return example or f"${{{re.sub(r'[^A-Z0-9]', '_', key.rpartition('.')[2].upper())}}}"
    if shape.kind in {"text", "shell", "path"}:
        if not example and not default:
            raise LookupError(f"the docstring of {key} shows no example: write such as `…`")
        return example or str(default)
    if shape.kind == "integer" and (example.isdecimal() or isinstance(default, int)):
        return int(example) if example.isdecimal() else default
    return _BY_KIND[shape.kind]


def _flow(value: Any) -> str:
    """Return the value on one line of YAML; only ambiguous texts are quoted."""
    if isinstance(value, _Written):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[\w./-]+", value)
        and not re.fullmatch(r"[\d.]+|true|false", value)
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
