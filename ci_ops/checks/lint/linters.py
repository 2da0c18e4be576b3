"""Runs one linter over the project and reads what it writes.

Its exit code says little: flake8 and ruff exit with 1 for a missing path, a broken file and a violation alike,
and with 0 where there is no file. Both run with the environment of a tool: the configuration of flake8 may name
plugins inside the checkout.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ci_ops.checks._python_modules import modules_of
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.child_environment import PYTHON, tool_environment
from ci_ops.core.declaration import project_python
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location
from ci_ops.core.text.encoding import read_text_file
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World

MAX_OUTPUT_BYTES = 32 << 20
MAX_LISTED = 60
_SEPARATOR = "\x1f"
_FORMAT = _SEPARATOR.join(("%(path)s", "%(row)d", "%(code)s", "%(text)s"))
_FILES = re.compile(r"^(\d+) +total files processed$", re.MULTILINE)
_IS_BROKEN = re.compile(r"E9\d*|invalid-syntax")
"""What keeps a file from being checked, of both linters."""


class Unusable(Exception):
    """The linter did not come to its end, or its output is not understood; says why."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One line that a linter objects to."""

    file: str
    line: int
    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Linter:
    """One linter as it is installed."""

    tool: str
    command: tuple[str, ...]
    origin: str
    """Whose it is: `of the project` or `of ci-ops`."""
    root: Path
    env: dict[str, str]

    @classmethod
    def find(cls, tool: str, python: str, root: Path, world: World) -> Self | None:
        """Return the linter of the project's Python, else ours; None where there is neither."""
        env = tool_environment(world.env, PYTHON)
        python = python or project_python(root, world.env)
        if tool in modules_of(python, (tool,), root, env, world):
            project = (python, "-m", tool)
            return cls(tool=tool, command=project, origin="of the project", root=root, env=env)
        spec = find_spec(tool)
        if spec is None or not spec.origin:
            return None
        # Without the working directory in front: a module of that name in the checkout is not ours.
        command = (sys.executable, "-P", "-m", tool)
        env["PYTHONPATH"] = str(Path(spec.origin).parents[1])
        return cls(tool=tool, command=command, origin="of ci-ops", root=root, env=env)

    @property
    def title(self) -> str:
        """The linter as a reader knows it."""
        return f"{self.tool} ({self.origin})"

    def run(self, paths: Sequence[str], seconds: float, world: World) -> tuple[int, list[Fault]]:
        """Return how many files were checked, and the faults. Raises Unusable."""
        with tempfile.TemporaryDirectory(prefix="ci-ops-lint-", ignore_cleanup_errors=True) as folder:
            output = Path(folder) / "output"
            reader = _flake8 if self.tool == "flake8" else _ruff
            # Before a `--`, flake8 takes `--output-file` for a path, so paths must not look like options.
            number, violations = reader(self, [f"./{path}" for path in paths], output, seconds, world)
        return number, list(self._faults(violations, world))

    def call(self, arguments: Sequence[str], seconds: float, world: World) -> Completed:
        """Run it. Raises Unusable where it was ended, or Interrupted."""
        done = world.process.run(
            [*self.command, *arguments],
            timeout_seconds=seconds,
            env=self.env,
            directory=self.root,
            max_output=1 << 20,
        )
        if done.interrupted:
            world.stop.check()
        if done.timed_out:
            raise Unusable("it took too long")
        if done.exit_code not in {0, 1}:
            raise Unusable(evidence(world, done.output[-1000:]) or f"it exits with {done.exit_code}")
        return done

    def _faults(self, violations: list[Violation], world: World) -> Iterator[Fault]:
        ordered = sorted(violations, key=lambda each: _IS_BROKEN.fullmatch(each.code) is None)
        for each in ordered[:MAX_LISTED]:
            is_broken = _IS_BROKEN.fullmatch(each.code) is not None
            file = evidence(world, self._relative(each.file), 200)
            code, text = evidence(world, each.code, 40), evidence(world, each.text)
            where = f"{file}:{each.line}"
            yield Fault(
                rule="syntax-error" if is_broken else "violation",
                severity=Status.ERROR if is_broken else Status.FAIL,
                sentence=f"{where}: {code} ({self.tool}).",
                observed=text,
                subject=f"{where} {code}",
                location=Location(file=file, line=max(each.line, 1)),
            )
        if len(ordered) > MAX_LISTED:
            sentence = f"{self.tool} names {len(ordered)} lines; the first {MAX_LISTED} are listed."
            yield Fault(rule="violation", severity=Status.FAIL, sentence=sentence, subject=self.tool)

    def _relative(self, file: str) -> str:
        return Path(os.path.relpath(self.root.resolve() / file, self.root.resolve())).as_posix()


def _flake8(
    linter: Linter, paths: Sequence[str], output: Path, seconds: float, world: World
) -> tuple[int, list[Violation]]:
    options = (
        f"--format={_FORMAT}",
        f"--output-file={output}",
        "--benchmark",
        "--no-show-source",
        "--color=never",
    )
    done = linter.call([*options, *paths], seconds, world)
    lines = _written(output).split("\n")
    counted = _FILES.search("\n".join(lines[-20:]))
    if counted is None:
        raise Unusable(evidence(world, done.output[-1000:]) or "it does not say how many files it checked")
    violations = []
    for line in lines:
        words = line.split(_SEPARATOR, 3)
        if len(words) == 4 and words[1].isdecimal():
            violations.append(Violation(file=words[0], line=int(words[1]), code=words[2], text=words[3]))
    if done.exit_code and not violations:
        raise Unusable("it exits with 1 and names no violation")
    return int(counted[1]), violations


def _ruff(
    linter: Linter, paths: Sequence[str], output: Path, seconds: float, world: World
) -> tuple[int, list[Violation]]:
    shown = linter.call(["check", "--show-files", "--no-cache", *paths], seconds, world)
    # The list holds the configuration too, which is checked for its own rules.
    number = len([line for line in shown.stdout.splitlines() if line.strip() and not line.endswith(".toml")])
    options = (
        "--output-format=json-lines",
        f"--output-file={output}",
        "--no-fix",
        "--no-fix-only",
        "--no-cache",
    )
    done = linter.call(["check", *options, *paths], seconds, world)
    try:
        violations = [_of_ruff(parse_json(line)) for line in _written(output).split("\n") if line]
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"its output is not understood: {type(error).__name__}") from None
    if done.exit_code and not violations:
        raise Unusable(evidence(world, done.output[-1000:]) or "it exits with 1 and names no violation")
    return number, violations


def _of_ruff(document: Any) -> Violation:
    return Violation(
        file=str(document["filename"]),
        line=int(document["location"]["row"]),
        code=str(document["code"] or "invalid-syntax"),
        text=str(document["message"]),
    )


def _written(output: Path) -> str:
    try:
        return read_text_file(output, max_bytes=MAX_OUTPUT_BYTES)
    except (OSError, ValueError) as error:
        raise Unusable(f"it wrote no output: {type(error).__name__}") from None
