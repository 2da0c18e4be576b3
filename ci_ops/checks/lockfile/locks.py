"""Lock files, reduced to their locked versions and their sources."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ci_ops.checks.lockfile.pep440 import parse_requirement
from ci_ops.core.contract.requirements import normal
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""Found by name; a pinned requirements.txt counts where none of them is there."""

RELOCK = {
    "uv.lock": "uv lock",
    "poetry.lock": "poetry lock",
    "pdm.lock": "pdm lock",
    "Pipfile.lock": "pipenv lock",
}
"""The command that makes a lock file again."""

_APART = (
    "source",
    "extras",
    "marker",
    "markers",
    "resolution-markers",
    "vcs",
    "directory",
    "archive",
    "index",
)
"""What may differ between two entries of one version: they are for several environments or sources."""

_CONDITIONS = frozenset({"marker", "markers", "optional", "python"})
_NEVER_LOCKED = frozenset({"distribute", "pip", "setuptools", "wheel"})
"""Poetry leaves them out of its lock before 1.5."""

_MARKS = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
"""Source: git-merge(1), "How conflicts are presented"."""


class Conflict(ValueError):
    """A file contains the markers of an unfinished merge, which no tool can read."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__(f"{file} has merge conflict markers")
        self.file = file
        self.line = line


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """The content of one lock file."""

    file: str
    """Relative to the project's root."""
    name: str
    """The file's own name, which tells the tool."""
    versions: Mapping[str, frozenset[str]]
    """Normalised name to its versions; an empty set where the lock names none."""
    dangling: Mapping[str, str] = field(default_factory=dict)
    """Packages that are not in the lock, each with one that is and that always needs it."""
    doubled: tuple[str, ...] = ()
    """Packages that stand twice in one version, as a careless merge leaves them."""
    groups: frozenset[str] | None = None
    """Extras and groups it covers; None for all."""
    python: str = ""
    """The versions of Python it was made for; empty where it does not say."""
    document: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def covers(self, group: str) -> bool:
        """Return True when the lock should contain the needs of that extra or group."""
        return not group or self.groups is None or normal(group) in self.groups

    @property
    def relock(self) -> str:
        """Return the command that creates the lock again."""
        command = RELOCK.get(self.name)
        return (
            f"Run `{command}` and commit {self.name}."
            if command
            else f"Make {self.name} again and commit it."
        )


def is_lock(name: str) -> bool:
    """Return True for the names that the tools and PEP 751 give to lock files."""
    return name in LOCK_FILES or re.fullmatch(r"pylock\.[^.]+\.toml", name) is not None


def read_lock(path: Path, file: str) -> Lock:
    """Return the lock in that file; messages call it `file`. Raises OSError, Conflict, ValueError."""
    text = read_text_file(path)
    document = parse_json(text, file) if path.name == "Pipfile.lock" else parse_toml(text, file)
    reader = _READERS.get(path.name, _pylock if path.name.startswith("pylock.") else _uv)
    return reader(file, path.name, document, text)


def require_no_conflict(text: str, file: str) -> None:
    """Raise Conflict where the text has the markers of an unfinished merge."""
    if mark := _MARKS.search(text):
        raise Conflict(file, text.count("\n", 0, mark.start()) + 1)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Return the TOML document. Raises Conflict, or ValueError for invalid TOML."""
    require_no_conflict(text, file)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def parse_json(text: str, file: str) -> dict[str, Any]:
    """Return the JSON object. Raises Conflict, or ValueError for anything else."""
    require_no_conflict(text, file)
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{file} is no JSON object")
    return document


def table(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return the map under nested keys; an empty one if there is none."""
    for key in keys:
        value = document.get(key)
        document = value if isinstance(value, dict) else {}
    return document


def _uv(file: str, name: str, document: Mapping[str, Any], text: str) -> Lock:
    _require(file, document.get("version"), "1")
    packages = _packages(file, document, "package")
    return _lock(file, name, packages, document, text, python=_text(document.get("requires-python")))


def _poetry(file: str, name: str, document: Mapping[str, Any], text: str) -> Lock:
    metadata = table(document, "metadata")
    _require(file, metadata.get("lock-version"), "1", "2")
    packages = _packages(file, document, "package")
    return _lock(file, name, packages, document, text)


def _pdm(file: str, name: str, document: Mapping[str, Any], text: str) -> Lock:
    metadata = table(document, "metadata")
    _require(file, metadata.get("lock_version"), "4")
    packages = _packages(file, document, "package")
    return _lock(file, name, packages, document, text, groups=_names(metadata.get("groups")))


def _pylock(file: str, name: str, document: Mapping[str, Any], text: str) -> Lock:
    _require(file, document.get("lock-version"), "1")
    extras, groups = _names(document.get("extras")), _names(document.get("dependency-groups"))
    packages = _packages(file, document, "packages")
    covered = (extras or frozenset()) | (groups or frozenset())
    python = _text(document.get("requires-python"))
    return _lock(file, name, packages, document, text, groups=covered, python=python)


def _pipenv(file: str, name: str, document: Mapping[str, Any], text: str) -> Lock:
    _require(file, table(document, "_meta").get("pipfile-spec"), "6")
    if "default" not in document:
        raise ValueError(f"{file} has no list of packages")
    packages = [
        {"name": package, **entry, "version": _text(entry.get("version")).removeprefix("==") or None}
        for category in document
        if category != "_meta"
        for package, entry in table(document, category).items()
        if isinstance(entry, dict)
    ]
    # One package may stand in several categories: that is no double.
    return replace(_lock(file, name, packages, document, text), doubled=())


_READERS: dict[str, Callable[[str, str, Mapping[str, Any], str], Lock]] = {
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
    "Pipfile.lock": _pipenv,
}


def _lock(
    file: str, name: str, packages: list[dict[str, Any]], document: Mapping[str, Any], text: str, **more: Any
) -> Lock:
    versions: dict[str, frozenset[str]] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for package in packages:
        package_name, version = normal(_text(package.get("name"))), package.get("version")
        known = {version} if isinstance(version, str) else set()
        versions[package_name] = versions.get(package_name, frozenset()) | known
        for each in known:
            entry = (package_name, each, repr([package.get(key) for key in _APART]))
            counts[entry] = counts.get(entry, 0) + 1
    needed = {each: _text(package.get("name")) for package in packages for each in _always_needed(package)}
    return Lock(
        file=file,
        name=name,
        versions=versions,
        dangling={each: by for each, by in needed.items() if each not in versions.keys() | _NEVER_LOCKED},
        doubled=tuple(dict.fromkeys(name for (name, _, _), count in counts.items() if count > 1)),
        document=document,
        text=text,
        **more,
    )


def _always_needed(package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dependencies of a locked package without a marker or an extra."""
    listed = package.get("dependencies")
    if isinstance(listed, dict):  # Poetry: name to a constraint, or to a map of them
        for name, wish in listed.items():
            if isinstance(wish, str) or (isinstance(wish, dict) and not wish.keys() & _CONDITIONS):
                yield normal(name)
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and not each.keys() & _CONDITIONS:
            yield normal(_text(each.get("name")))
        elif isinstance(each, str) and (parsed := parse_requirement(each)) and not parsed.marker:
            yield parsed.name


def _require(file: str, version: object, *known: str) -> None:
    """Raise ValueError for an unknown format version."""
    if version is not None and str(version).partition(".")[0] not in known:
        raise ValueError(f"{file} is of version {str(version)[:20]}; {' and '.join(known)} are understood")


def _packages(file: str, document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the list of packages. Raises ValueError without one: then it is another kind of file."""
    is_known = document.keys() & {"version", "metadata", "lock-version"}
    packages = document.get(key, [] if is_known else None)
    if not isinstance(packages, list):
        raise ValueError(f"{file} has no list of packages")
    return [each for each in packages if isinstance(each, dict)]


def entries(value: object) -> Iterator[Mapping[str, Any]]:
    """Return the maps in a list; none if it is no list."""
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _names(value: object) -> frozenset[str] | None:
    return frozenset(normal(str(each)) for each in value) if isinstance(value, list) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
