"""The Python versions that a project requires, and the interpreters of this machine."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.core.child_environment import PYTHON, tool_environment
from ci_ops.core.contract.versions import plain_clauses, satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ci_ops.core.ports.process import Process

MAX_DOCUMENT_BYTES = 1 << 20
OLDEST_MINOR, NEWEST_MINOR = 8, 20
"""Of the interpreters that are looked for by name."""

_PINNED = re.compile(r"(?:c?python[-@])?v?(\d+)\.(\d+)(?:\.\d+)*(?:[a-z].*)?")
_CARET_OR_TILDE = re.compile(r"([\^~])\s*(\d+)(?:\.(\d+))?(?:\.\d+)*")
_VERSION_QUESTION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonDemand:
    """The Python versions that a project supports."""

    specifier: str
    """Such as `>=3.12` or `==3.13.*`."""
    source: str
    """The file that says so."""

    def allows(self, version: str) -> bool:
        """Return True when the project supports that version."""
        return satisfies(version, self.specifier) is True

    def __str__(self) -> str:
        plain = self.specifier.replace("==", "").replace(".*", "")
        return f"Python {re.sub('>= *', '≥ ', plain)} ({self.source})"


def python_demand(root: Path) -> PythonDemand | None:
    """Return the project's declared versions, pins first; None without a plain declaration.

    A pin names the version that runs the application, `requires-python` only those that it could be
    installed for.
    """
    for source, read in _SOURCES.items():
        text = _small_file(root / source)
        try:
            specifier = read(text) if text else ""
        except (ValueError, RecursionError, configparser.Error):
            continue  # its own check says that it cannot be read
        if specifier and plain_clauses(specifier):
            return PythonDemand(specifier=specifier, source=source)
    return None


def other_pythons(
    demand: PythonDemand, process: Process, env: Mapping[str, str], root: Path
) -> Iterator[str]:
    """Return interpreters outside the project with a required version, the oldest first.

    Each has reported its own version: a version manager's shim does not count.
    """
    for candidate in dict.fromkeys(_candidates(demand, env)):
        # A link into an environment of the project obeys its pyvenv.cfg: neither end may lie there.
        if {root, root.resolve()} & {*Path(candidate).parents, *Path(candidate).resolve().parents}:
            continue
        answer = process.run(
            [candidate, "-I", "-S", "-c", _VERSION_QUESTION],
            timeout_seconds=10.0,
            env=tool_environment(env, PYTHON),
            directory=Path(os.sep),
        )
        if answer.exit_code == 0 and demand.allows(answer.stdout.strip()):
            yield candidate


def _candidates(demand: PythonDemand, env: Mapping[str, str]) -> Iterator[str]:
    folders = [each for each in env.get("PATH", "").split(os.pathsep) if Path(each).is_absolute()]
    home = Path(env.get("HOME") or os.devnull)
    tools = Path(env.get("RUNNER_TOOL_CACHE") or os.devnull) / "Python"
    pyenv = Path(env.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"
    for minor in range(OLDEST_MINOR, NEWEST_MINOR):
        if not any(demand.allows(f"3.{minor}.{patch}") for patch in range(30)):
            continue
        yield from _programs(f"python3.{minor}", folders)
        yield from map(str, sorted(tools.glob(f"3.{minor}.*/*/bin/python3")))
        yield from map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python3")))
        yield from map(str, sorted(uv.glob(f"cpython-3.{minor}.*/bin/python3")))
        yield from map(str, sorted(tools.glob(f"3.{minor}.*/*/python.exe")))
    yield from _programs("python3", folders)


def _programs(name: str, folders: list[str]) -> Iterator[str]:
    """Return every program of that name: the first may be a version manager's shim that refuses."""
    return filter(None, (shutil.which(name, path=folder) for folder in folders))


def _small_file(path: Path) -> str:
    """Return the text of a small regular file; empty if it is missing or unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, MAX_DOCUMENT_BYTES).decode("utf-8-sig", "replace") if is_file else ""
    finally:
        os.close(descriptor)


def _pinned(text: str) -> str:
    """Return the pin in `.python-version` or `runtime.txt`: a version or, with uv, a specifier."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    first = next(filter(None, lines), "")
    found = _PINNED.fullmatch(first)
    return f"=={found[1]}.{found[2]}.*" if found else first


def _tool_versions(text: str) -> str:
    lines = (line.split() for line in text.splitlines())
    return next((_pinned(words[1]) for words in lines if len(words) > 1 and words[0] == "python"), "")


def _pipfile(text: str) -> str:
    requires = _table(tomllib.loads(text), "requires")
    return _pinned(str(requires.get("python_full_version") or requires.get("python_version") or ""))


def _pyproject(text: str) -> str:
    document = tomllib.loads(text)
    plain = _table(document, "project").get("requires-python")
    poetry = _table(document, "tool", "poetry", "dependencies").get("python")
    return str(plain) if plain else ",".join(map(_poetry_clause, str(poetry or "").split(",")))


def _poetry_clause(clause: str) -> str:
    """Source: python-poetry.org/docs/dependency-specification: caret, tilde, wildcard and exact requirements."""
    clause = clause.strip()
    found = _CARET_OR_TILDE.fullmatch(clause)
    if found is None:
        return (
            ""
            if clause == "*"
            else f"=={clause}"
            if clause.endswith(".*") and clause[0].isdigit()
            else _pinned(clause)
        )
    major, minor = int(found[2]), int(found[3] or 0)
    is_caret = found[1] == "^" or found[3] is None
    return (
        f">={clause[1:].strip()},<{major + 1}" if is_caret else f">={clause[1:].strip()},<{major}.{minor + 1}"
    )


def _setup_cfg(text: str) -> str:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser.get("options", "python_requires", fallback="").strip()


def _table(document: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


_SOURCES: dict[str, Callable[[str], str]] = {
    ".python-version": _pinned,
    "runtime.txt": _pinned,
    ".tool-versions": _tool_versions,
    "Pipfile": _pipfile,
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
}
