"""Run the benchmarks: `python -m benchmarks [--list] [NAME …]`.

Exit code 0 when every promise is kept, 1 when one is broken, 2 for an unknown
name, 3 when something could not be measured here.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import benchmarks
from benchmarks._row import CannotMeasure, Row, table
from ci_ops.core.text.nearmiss import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

BROKEN, UNKNOWN, UNMEASURED = 1, 2, 3


def names() -> dict[str, str]:
    """Every benchmark's name, as it is typed, and its module's."""
    found = (each.name for each in pkgutil.iter_modules(benchmarks.__path__))
    return {name.replace("_", "-"): name for name in found if not name.startswith("_")}


def main() -> int:
    """Measure what is named, everything if nothing is; the exit code."""
    known = names()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all if absent")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    wanted = parser.parse_args()
    for name in wanted.names:
        if name not in known:
            print(f"error: there is no benchmark {name!r}{did_you_mean(name, known)}", file=sys.stderr)
            print(f"hint: one of {', '.join(known)}", file=sys.stderr)
            return UNKNOWN
    rows: list[Row] = []
    unmeasured: list[str] = []
    for name in wanted.names or known:
        module = import_module(f"benchmarks.{known[name]}")
        if wanted.list:
            print(f"{name}: {(module.__doc__ or '').partition(chr(10))[0]}")
            continue
        print(f"measuring {name} …", file=sys.stderr)
        try:
            rows += list(_rows(module))
        except CannotMeasure as problem:
            unmeasured.append(f"not measured: {name}: {problem}")
    if rows:
        print(table(rows))
    for line in unmeasured:
        print(line)
    broken = any(not row.is_kept for row in rows)
    return BROKEN if broken else UNMEASURED if unmeasured else 0


def _rows(module: ModuleType) -> Iterator[Row]:
    """What the module's one public function measures."""
    yield from module.measure()


if __name__ == "__main__":
    sys.exit(main())
