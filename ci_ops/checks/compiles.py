"""Whether every Python file can be compiled."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.fields import Duration
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location
from ci_ops.core.status import Status

if TYPE_CHECKING:
    from ci_ops.core.ports import Completed, Subject, World
    from ci_ops.core.result import Result

MOST_OUTPUT_BYTES = 256 * 1024
OTHERS_FOLDERS = frozenset({"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"})
"""Folders of this name, and hidden ones, hold no code of the project."""
_BROKEN = re.compile(
    r"^\*\*\* Error compiling (?P<quote>['\"])(?P<file>[^\n]+?)(?P=quote)\.\.\.\n(?P<text>.*?)(?=^\*\*\* |\Z)",
    re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(r"\bline (\d{1,7})\b")


@dataclass(frozen=True, kw_only=True)
class Compiles(Check):
    """Every Python file of the project compiles; nothing is written into it."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "broken": Rule(
            sentence="A file does not compile.",
            advice="Mend the syntax at that line; name files that are broken on purpose in `exclude`.",
        ),
        "no-python": Rule(
            sentence="There is no Python file to compile.",
            advice="Name the folders that hold the code in `paths`, relative to the project's root.",
        ),
        "unavailable": Rule(
            sentence="The compiler could not be run to its end.",
            advice="Name the interpreter in `python`, or raise `timeout`.",
        ),
    }

    paths: tuple[str, ...] = (".",)
    """Folders and files to compile, relative to the project's root."""
    exclude: tuple[str, ...] = ()
    """Patterns such as `tests/data/*` of files to leave out, relative to the project's root."""
    python: str = ""
    """The interpreter; without it, the one that runs this check."""
    timeout: Duration = 300.0
    """For all files together."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where there is a Python file."""
        check = cls()
        return check if next(check.files(root), None) is not None else None

    def files(self, root: Path) -> Iterator[Path]:
        """The Python files, relative to the root.

        Links to folders are not followed.
        """
        for path in self.paths:
            start = root / path
            if start.is_file():
                yield Path(path)
                continue
            for folder, folders, names in os.walk(start):
                folders[:] = sorted(each for each in folders if not _is_others(each))
                relative = Path(os.path.relpath(folder, root))
                found = (relative / name for name in sorted(names) if name.endswith(".py"))
                yield from (each for each in found if not self._is_excluded(each))

    def _is_excluded(self, path: Path) -> bool:
        return any(fnmatchcase(path.as_posix(), pattern) for pattern in self.exclude)

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Compile them all in one run of `compileall`, with its output elsewhere."""
        files = list(self.files(subject.root))
        if not files:
            fault = Fault(rule="no-python", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
            return
        with tempfile.TemporaryDirectory(prefix="ci-ops-compiles-", ignore_cleanup_errors=True) as folder:
            completed = self._compile(files, Path(folder), subject, world)
        faults = list(_broken(completed.stdout, world))
        if completed.exit_code not in {0, 1} or (completed.exit_code == 1 and not faults):
            said = evidence(world, "it took too long" if completed.timed_out else completed.output[-1000:])
            faults = [Fault(rule="unavailable", severity=Status.ERROR, sentence="", observed=said)]
            yield conclude(self, faults, sentence="", measured=0)
            return
        sentence = (
            f"All {len(files)} Python files compile." if len(files) > 1 else "The one Python file compiles."
        )
        yield conclude(self, faults, sentence=sentence, measured=len(files), facts={"files": len(files)})

    def _compile(self, files: list[Path], folder: Path, subject: Subject, world: World) -> Completed:
        names = folder / "files"
        names.write_text("".join(f"{path}\n" for path in files), "utf-8", "surrogateescape")
        completed = world.process.run(
            [self.python or sys.executable, "-m", "compileall", "-q", "-i", str(names)],
            timeout_seconds=self.timeout,
            env={**world.env, "PYTHONPYCACHEPREFIX": str(folder / "out"), "PYTHONUTF8": "1"},
            directory=subject.root,
            max_output=MOST_OUTPUT_BYTES,
        )
        if completed.interrupted:
            world.stop.check()
        return completed


def _is_others(folder: str) -> bool:
    return folder.startswith(".") or folder in OTHERS_FOLDERS or folder.endswith(".egg-info")


def _broken(output: str, world: World) -> Iterator[Fault]:
    """One fault for each file that `compileall` complains of."""
    for match in _BROKEN.finditer(output.replace("\r\n", "\n")):
        text = match["text"].strip()
        file = evidence(world, match["file"].removeprefix("./"), 200)
        line = _LINE.search(text)
        yield Fault(
            rule="broken",
            severity=Status.FAIL,
            sentence=f"{file} does not compile.",
            observed=evidence(world, text.rpartition("\n")[2]),
            subject=file,
            location=Location(file=file, line=int(line[1]) if line else 1),
        )
