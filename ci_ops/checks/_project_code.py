"""Which modules a project's own code imports, and which names and texts stand in it; nothing of it is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.checks._python_files import Tracked, python_files
from ci_ops.core.contract.installed import declared
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ci_ops.core.ports.world import World

MAX_FILES = 3000
MAX_FILE_BYTES = 1 << 19
MAX_TEXT_CHARACTERS = 200
FRAMEWORKS = frozenset({"django", "fastapi", "flask", "starlette"})
_TESTS = frozenset({"tests", "test", "testing", "conftest.py"})


@dataclass(kw_only=True, slots=True)
class ProjectCode:
    """What stands in the files that could be read."""

    files: int = 0
    unread: int = 0
    """Files that are too large, are no text or do not parse."""
    modules: set[str] = field(default_factory=set)
    """Imported modules as written, such as `sentry_sdk.integrations`."""
    names: set[str] = field(default_factory=set)
    """Imported, called and assigned names and keywords."""
    texts: set[str] = field(default_factory=set)

    @property
    def extent(self) -> str:
        """How much was read, as a reader is told."""
        number = "1 file" if self.files == 1 else f"{self.files} files"
        return f"{number}; {self.unread} could not be read" if self.unread else number

    def imports_any(self, modules: Iterable[str]) -> bool:
        """Return True where one of the modules, or one below it, is imported or named in a text."""
        roots = tuple(modules)
        below = tuple(f"{each}." for each in roots)
        return any(each in roots or each.startswith(below) for each in (*self.modules, *self.texts))


def declares_framework(root: Path) -> bool:
    """Return True for a project that declares a web framework."""
    try:
        return any(each.name in FRAMEWORKS for each in declared(root))
    except (OSError, ValueError, RecursionError):
        return False


def read_code(root: Path, world: World) -> ProjectCode:
    """Read the project's own Python files, without its tests."""
    code = ProjectCode()
    for path in python_files(root, (".",), (), is_tracked=Tracked(root, world)):
        if _TESTS.intersection(path.parts) or path.name.startswith("test_"):
            continue
        if code.files + code.unread >= MAX_FILES:
            break
        try:
            tree = ast.parse(read_text_file(root / path, max_bytes=MAX_FILE_BYTES))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            code.unread += 1
            continue
        code.files += 1
        for node in ast.walk(tree):
            _note(node, code)
    return code


def _note(node: ast.AST, code: ProjectCode) -> None:
    match node:
        case ast.Import():
            code.modules.update(each.name for each in node.names)
        case ast.ImportFrom(module=str(module), level=0):
            code.modules.add(module)
            code.modules.update(f"{module}.{each.name}" for each in node.names)
            code.names.update(each.name for each in node.names)
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            code.names.add(name)
        case ast.Constant(value=str(text)) if len(text) <= MAX_TEXT_CHARACTERS:
            code.texts.add(text)
