"""Measure the house: rooms, modules, lines, imports against the layers and import circles.

    python -m tools.house

Prints one figure on each line; the two that must be 0 are held by a test.
"""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from tools.contributing import chapters

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ci_ops"
LAYERS = ("cli", "session", "flows", "config", "plugins", "checks", "targets", "channels", "formats", "core")
"""From the top down; a module imports its own layer and those below it."""


def main() -> None:
    """Print the figures."""
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in figures().items()))


def figures() -> dict[str, int]:
    """Return each figure by its name."""
    modules = {name_of(path): path for path in sources()}
    imports = loaded_by_import(modules)
    return {
        "rooms": len({path.parent for path in modules.values()}),
        "modules": len(modules),
        "lines": sum(len(path.read_text("utf-8").splitlines()) for path in modules.values()),
        "longest module": max(len(path.read_text("utf-8").splitlines()) for path in modules.values()),
        "files a new plugin needs": max(len(chapter.files) for chapter in chapters()),
        "imports up the layers": sum(map(goes_up, _edges(imports))),
        "modules in a circle of imports": len(circle(imports)),
    }


def loaded_by_import(modules: dict[str, Path]) -> dict[str, set[str]]:
    """Return, for each module, those of ours that its own import loads."""
    ours = modules.keys() - {PACKAGE.name}
    return {name: set(imported(path)) & ours - {name} for name, path in modules.items()}


def sources() -> Iterator[Path]:
    """Yield our modules; the sample service of the demo is data."""
    yield from (path for path in sorted(PACKAGE.rglob("*.py")) if "shop" not in path.parts)


def name_of(path: Path) -> str:
    """Return a module's dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Yield what the module's own import loads, and the packages that may hold it."""
    for node in _top(ast.parse(path.read_bytes()).body):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _top(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top([*node.body, *getattr(node, "orelse", [])])
        else:
            yield node


def _edges(imports: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    yield from ((name, other) for name, others in imports.items() for other in others)


def goes_up(edge: tuple[str, str]) -> bool:
    """Return True where the imported module lies in a higher layer."""
    below, above = (name.split(".")[1] if "." in name else "" for name in edge)
    return below in LAYERS and above in LAYERS and LAYERS.index(above) < LAYERS.index(below)


def circle(imports: dict[str, set[str]]) -> tuple[str, ...]:
    """Return the modules of one circle of imports; empty where there is none."""
    try:
        list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        return tuple(error.args[1][1:])
    return ()


if __name__ == "__main__":
    main()
