"""Which modules an interpreter has, asked of the interpreter itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ci_ops.core.ports.world import World

_MARK = "ci-ops-has:"
# A folder of that name beside the code is a namespace package without an origin, and no such module.
_QUESTION = f"""
import importlib.util, sys
for name in sys.argv[1:]:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin:
        print("{_MARK}" + name)
"""
_SECONDS = 30.0


def modules_of(
    python: str, names: Sequence[str], root: Path, env: Mapping[str, str], world: World
) -> frozenset[str]:
    """Return those of the names that `python` can import from the project's root; none where it does not run."""
    done = world.process.run(
        [python, "-c", _QUESTION, *names], timeout_seconds=_SECONDS, env=env, directory=root
    )
    if done.interrupted:
        world.stop.check()
    return frozenset(
        line.removeprefix(_MARK) for line in done.stdout.splitlines() if line.startswith(_MARK)
    ) & frozenset(names)
