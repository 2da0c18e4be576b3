"""The plan of the house, read from the source: who may import whom, and how large things may get."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ci_ops.core.reasons import REASONS
from tests.support.parts import ROOT
from tools import house

PACKAGE = ROOT / "ci_ops"
FAMILIES = {"checks", "targets", "channels", "formats"}
MAY_IMPORT = {
    "core": set(),
    "service": {"core"},  # of it, KIT_MAY_IMPORT alone
    "edge": {"core"},
    "plugins": {"core"},
    "config": {"core", "plugins"},
    "flows": {"core", "plugins", "config"} | FAMILIES,
    "session": {"core", "plugins", "config", "edge", "flows"},
    "cli": {"core", "plugins", "config", "edge", "flows", "session", "demo"},
    "demo": {"core", "edge", "flows", "session", "formats"},
    "__main__": {"core", "cli", "session"},
}
"""What a part imports beside itself; a family imports core alone, as any folder that is not named here."""
KIT_MAY_IMPORT = {"contract", "health", "text"}
NEEDS_NOTHING = {"core", "service", "plugins"} | FAMILIES
WORDS_OF_REASONS = REASONS.keys() - {"ok", "findings"}
"""`ok` and `findings` are words of other things too."""
LINES_OF_A_FILE, LINES_OF_A_FUNCTION, LETTERS_OF_A_SENTENCE = 400, 60, 100
LETTERS_IN_HELP = 72
"""Of a command; plugins are held to the same by their families' tests."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Module:
    """One file of ours."""

    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_bytes())

    @property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    @property
    def part(self) -> str:
        return part_of(self.name)

    def imports(self, *, at_the_top: bool = False) -> Iterator[str]:
        """The modules it imports: everywhere, or only what its own import loads."""
        if at_the_top:
            yield from house.imported(self.path)
            return
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{each.name}" for each in node.names)

    def public(self) -> Iterator[tuple[str, Documented]]:
        """The module, its public classes and functions and theirs, with their full names."""
        yield self.name, self.tree
        yield from self._public(self.tree, self.name)

    def _public(self, parent: Documented, name: str) -> Iterator[tuple[str, Documented]]:
        for node in parent.body:
            if isinstance(node, Documented) and not node.name.startswith("_"):
                inner = f"{name}.{node.name}"
                yield inner, node
                if isinstance(node, ast.ClassDef):
                    yield from self._public(node, inner)


def part_of(name: str) -> str:
    """The part of the house that a module of ours belongs to; `ci_ops` for the package itself."""
    parts = name.split(".")
    inner = parts[1] if len(parts) > 1 else ""
    is_part = (PACKAGE / inner).is_dir() or (PACKAGE / f"{inner}.py").exists()
    return inner if inner and is_part else "ci_ops"


def is_ours(name: str) -> bool:
    return name.partition(".")[0] == "ci_ops"


def is_known(name: str) -> bool:
    """True for what is there with Python and with us."""
    return is_ours(name) or name.partition(".")[0] in sys.stdlib_module_names


MODULES = [Module(path=path) for path in house.sources()]
NAMES = {module.name for module in MODULES}


def test_every_part_of_the_house_is_seen() -> None:
    assert {module.part for module in MODULES} >= {*MAY_IMPORT, *FAMILIES, "ci_ops"}
    assert part_of("ci_ops.core.text.one_line") == "core"
    assert part_of("ci_ops.__version__") == "ci_ops"


def test_a_module_imports_only_what_its_part_may() -> None:
    wrong = []
    for module in MODULES:
        allowed = {module.part} | MAY_IMPORT.get(module.part, {"core"})
        allowed |= set() if module.part == "core" else {"ci_ops"}
        seen = {name for name in module.imports() if is_ours(name)}
        wrong += [f"{module.name} → {name}" for name in seen if part_of(name) not in allowed]
    # The package itself only says where its public names are; each is loaded when it is used.
    assert [each for each in wrong if not each.startswith("ci_ops →")] == []


def test_the_kit_imports_of_core_only_what_is_shared() -> None:
    seen = {
        (module.name, name)
        for module in MODULES
        if module.part == "service"
        for name in module.imports()
        if name.startswith("ci_ops.core.") and name.split(".")[2] not in KIT_MAY_IMPORT
    }
    assert seen == set()


def test_core_knows_no_forge_by_its_name() -> None:
    """A name or text of `core`, beside docstrings, that says GitHub; the shapes of its tokens are data."""
    wrong = []
    for module in MODULES:
        if module.part != "core" or module.name.endswith("token_shapes"):
            continue
        texts = {
            id(node.value)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(module.tree):
            words = [getattr(node, key, "") for key in ("id", "attr", "arg", "name")]
            if isinstance(node, ast.Constant) and id(node) not in texts:
                words.append(node.value)
            wrong += [f"{module.name}: {word}" for word in words if "github" in str(word).lower()]
    assert wrong == []


def test_reasons_are_listed_in_one_table_alone() -> None:
    """A set or list of two or more words for reasons anywhere else would be a second table."""
    found = []
    for module in MODULES:
        for node in ast.walk(module.tree):
            if module.part in {"core", "flows", "session", "cli", "formats"} and isinstance(
                node, ast.Set | ast.List | ast.Tuple
            ):
                words = {each.value for each in node.elts if isinstance(each, ast.Constant)}
                found += [f"{module.name}:{node.lineno}"] if len(words & WORDS_OF_REASONS) > 1 else []
    assert found == []


def test_what_needs_nothing_imports_nothing_from_outside_at_its_top() -> None:
    wrong = []
    for module in MODULES:
        outside = {name.partition(".")[0] for name in module.imports(at_the_top=True) if not is_known(name)}
        is_adapter = any(name.startswith(module.path.stem) for name in outside)  # such as routes/flask.py
        if outside and module.part in NEEDS_NOTHING and not (is_adapter and module.part == "service"):
            wrong.append(f"{module.name} → {', '.join(outside)}")
    assert wrong == []
    core = [name for module in MODULES if module.part == "core" for name in module.imports()]
    assert all(map(is_known, core))


def test_no_import_leads_back_to_where_it_came_from_or_up() -> None:
    figures = house.figures()
    assert figures["imports up the layers"] == 0
    assert house.circle(house.loaded_by_import({module.name: module.path for module in MODULES})) == ()


def test_files_and_functions_stay_readable() -> None:
    sizes = {module.name: len(module.path.read_text().splitlines()) for module in MODULES}
    assert {name: size for name, size in sizes.items() if size > LINES_OF_A_FILE} == {}
    functions = {
        f"{module.name}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: size for name, size in functions.items() if size > LINES_OF_A_FUNCTION} == {}


def test_every_public_name_begins_its_docstring_with_one_short_sentence() -> None:
    texts = {
        name: ast.get_docstring(node) or ""
        for module in MODULES
        if not module.path.stem.startswith("_") or module.path.stem.startswith("__")
        for name, node in module.public()
    }
    first_lines = {name: text.partition("\n")[0] for name, text in texts.items()}
    limits = {name: LETTERS_IN_HELP if part_of(name) == "cli" else LETTERS_OF_A_SENTENCE for name in texts}
    too_long = {name for name, line in first_lines.items() if len(line) > limits[name]}
    no_sentence = {
        name for name, line in first_lines.items() if line and not line.endswith((".", "!", "?", ":"))
    }
    assert (too_long, no_sentence) == (set(), set())
