"""Python files of the checkout, read as data and never run: a pull request may have written them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_FILE_BYTES = 1_000_000


def read_text(file: Path, name: str) -> str:
    """Return the text of a file; `name` is what errors call it. Raises ValueError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{name} is too long to be read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None


def read_python(file: Path, name: str) -> ast.Module:
    """Return the syntax tree of a file. Raises ValueError."""
    text = read_text(file, name)
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{name} cannot be read as Python") from None


def assigned(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that these statements give values to."""
    for node in body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def literal(value: ast.expr, name: str) -> Any:
    """Return the value that is written there. Raises ValueError for one that is computed."""
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{name} computes what should be written there, which is not read") from None
