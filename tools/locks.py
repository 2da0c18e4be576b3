"""Write actions/locks/*.txt and tools/build.txt: hashed, for every platform, from pyproject.toml.

All groups come from one resolution, so a package that two of them need has one
version. A group's file leaves out what `core` already brings.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "actions" / "locks"
CORE_EXTRA = "cli"
GROUPS = ("github", "lint", "postgres", "sms", "sqlalchemy")
"""The extras that actions may need beside core; a plugin's `needs` names one."""
BUILD = ROOT / "tools" / "build.txt"
"""What builds and publishes a release, from the dependency group `build`."""
COMPILE = (
    *("pip", "compile", "--quiet", "--universal", "--python-version=3.11"),
    *("--only-binary=:all:", "--no-header", "--no-annotate"),
)


def resolve(extras: tuple[str, ...], *options: str, source: str = "pyproject.toml") -> list[str]:
    """Return one block of lines per package and marker, in uv's form."""
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv),
        *COMPILE,
        *([source] if source else []),
        *(f"--extra={extra}" for extra in extras),
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return re.split(r"\n(?=\S)", done.stdout.strip())


def package(block: str) -> str:
    """Return the name of the package in a block."""
    return block.partition("==")[0]


def main() -> None:
    """Resolve everything once, then write one file per group."""
    with tempfile.TemporaryDirectory() as folder:
        together = Path(folder) / "together.txt"
        together.write_text("\n".join(resolve((CORE_EXTRA, *GROUPS))))
        options = (f"--constraint={together}", "--generate-hashes")
        groups = {"core": resolve((CORE_EXTRA,), *options)}
        brought = set(map(package, groups["core"]))
        for group in GROUPS:
            blocks = resolve((CORE_EXTRA, group), *options)
            groups[group] = [block for block in blocks if package(block) not in brought]
    LOCKS.mkdir(exist_ok=True)
    for group, blocks in groups.items():
        _write(LOCKS / f"{group}.txt", blocks)
    _write(BUILD, resolve((), "--group=build", "--generate-hashes", source=""))


def _write(path: Path, blocks: list[str]) -> None:
    path.write_text("".join(f"{block}\n" for block in blocks), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
