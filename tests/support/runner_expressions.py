"""The part of GitHub's expressions that our actions use.

Literals, contexts, `==`, `!=`, `!`, `&&`, `||`, parentheses, and the four status
functions. A name that composite actions cannot see is an error, as on GitHub.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<operator>&&|\|\||==|!=|!|\(|\))"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<space>\s+)"
)
_PYTHON = {"&&": " and ", "||": " or ", "!": " NOT @ ", "true": "True", "false": "False", "null": "None"}
_STATUS = {"success", "failure", "cancelled", "always"}


class _Text(str):
    """A string that GitHub compares without regard to case."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self.casefold() == (other or "").casefold() if isinstance(other, str | None) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class _Not:
    """The operator `!`, which binds tighter than any other."""

    def __matmul__(self, value: object) -> bool:
        return not value


def text_of(value: object) -> str:
    """A value as GitHub writes it into a string."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _look_up(path: str, contexts: dict[str, Any]) -> Any:
    root, *keys = path.split(".")
    if root not in contexts:
        raise ValueError(f"Unrecognized named-value: '{root}'")
    value: Any = contexts[root]
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return _Text(value) if isinstance(value, str) else value


def _compute(expression: str, contexts: dict[str, Any], status: str) -> Any:
    python: list[str] = []
    names: dict[str, Any] = {"NOT": _Not(), "Text": _Text, "__builtins__": {}}
    names |= {word: lambda word=word: word in {"always", status} for word in _STATUS}
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise ValueError(f"Unexpected symbol: '{expression[position:]}'")
        position = found.end()
        token = found.group()
        if found["text"]:
            literal = token[1:-1].replace("''", "'")
            python.append(f"Text({literal!r})")
        elif found["name"] and token not in _PYTHON and token not in _STATUS:
            names[f"v{position}"] = _look_up(token, contexts)
            python.append(f"v{position}")
        else:
            python.append(_PYTHON.get(token, token))
    return eval("".join(python).strip(), names)


def evaluate(template: object, contexts: dict[str, Any], status: str = "success") -> str:
    """The text with each `${{ … }}` replaced by its value."""

    def value(found: re.Match[str]) -> str:
        return text_of(_compute(found[1], contexts, status))

    return re.sub(r"\$\{\{(.*?)\}\}", value, text_of(template), flags=re.DOTALL)


def decide(condition: object, contexts: dict[str, Any], status: str) -> bool:
    """Whether an `if:` holds; without a status function it also wants success()."""
    expression = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", text_of(condition), flags=re.DOTALL)
    if not re.search(r"\b(?:success|failure|cancelled|always)\(", expression):
        expression = f"success() && ({expression})"
    return bool(_compute(expression, contexts, status))
