"""Name the distributions of an interpreter, and import some of them; a program for the project's own Python.

`python -c THIS RESULT NAME…`: RESULT gets one JSON document a line, written as it becomes known, so that a module
that ends the process takes only its own answer with it. Nothing of ours is imported; Python 3.8 can read it.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from importlib import metadata

_NOT_CODE = {"test", "tests", "doc", "docs", "example", "examples", "bin", "scripts"}


def main(result: str, wanted: list[str]) -> None:
    """Write the version of every distribution, then whether each wanted one can be imported."""
    found: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions():
        name = normal(each.metadata["Name"] or "")
        found.setdefault(name, each)  # the first on the path is the one that is imported
    with open(result, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to load in some versions
        print(
            json.dumps({"installed": {name: each.version for name, each in found.items()}}),
            file=file,
            flush=True,
        )
        for name in wanted:
            if name in found:
                modules = modules_of(found[name], name)
                print(json.dumps({"begins": name}), file=file, flush=True)
                print(json.dumps({"imports": name, "problem": problem_of(modules)}), file=file, flush=True)


def normal(name: str) -> str:
    """The name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def modules_of(distribution: metadata.Distribution, name: str) -> list[str]:
    """The modules at the top of a distribution, those named like it first; empty for one without code."""
    found: dict[str, int] = {}
    for path in distribution.files or ():
        parts = path.parts
        is_package = parts[-1] == "__init__.py"
        stem = parts[-1].partition(".")[0]
        inside = parts[:-1] if is_package else (*parts[:-1], stem)
        is_code = is_package or parts[-1].endswith((".py", ".so", ".pyd"))
        if is_code and inside and all(each.isidentifier() for each in inside):
            found[".".join(inside)] = len(inside)
    least = min(found.values(), default=0)
    names = [each for each, depth in found.items() if depth == least and each.split(".")[-1] not in _NOT_CODE]
    return sorted(names, key=lambda each: (normal(each) != name, each.startswith("_"), each))


def problem_of(modules: list[str]) -> str:
    """Why none of the modules can be imported; empty where one can, or there is none."""
    first = ""
    for module in modules[:20]:
        try:
            importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001 - a module may raise what it likes, SystemExit too
            first = first or "{}: {}: {}".format(module, type(error).__name__, error)  # noqa: UP032 - Python 3.8
        else:
            return ""
    return first[:500]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
