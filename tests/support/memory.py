"""Memory measured where nothing else allocates: a child of its own, without coverage or other tests' threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAME = """\
import json, sys, tracemalloc
sys.path.insert(0, {root!r})
{setup}
tracemalloc.start()
before, _ = tracemalloc.get_traced_memory()
{work}
kept, most = tracemalloc.get_traced_memory()
print(json.dumps({{"kept": kept - before, "most": most - before, "told": {told}}}))
"""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes above what there was before the work, and what the work says of itself."""

    kept_bytes: int
    most_bytes: int
    told: object


def memory_of(setup: str, work: str, told: str = "None") -> Memory:
    """Run `setup`, then measure `work`; `told` is an expression whose value comes back as JSON."""
    setup, work = textwrap.dedent(setup), textwrap.dedent(work)
    done = subprocess.run(
        [sys.executable, "-I", "-c", FRAME.format(root=str(ROOT), setup=setup, work=work, told=told)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return Memory(kept_bytes=found["kept"], most_bytes=found["most"], told=found["told"])
