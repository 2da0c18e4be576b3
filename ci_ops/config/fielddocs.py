"""The string literal below a dataclass field, which documents the field."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any


def field_docs(cls: type[Any]) -> dict[str, str]:
    """Return each field's sentence by the name of its attribute; empty if the source is unavailable."""
    docs: dict[str, str] = {}
    for each in reversed(cls.__mro__[:-1]):
        docs |= _own(each)
    return docs


def _own(cls: type[Any]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(inspect.cleandoc(doc.value.value).split())
        for field, doc in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(doc, ast.Expr)
        and isinstance(doc.value, ast.Constant)
        and isinstance(doc.value.value, str)
    }


def first_sentence(cls: type[Any]) -> str:
    """Return the first line of the class's docstring."""
    return (inspect.cleandoc(cls.__doc__ or "").splitlines() or [""])[0]
