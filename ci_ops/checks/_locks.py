"""Lock files, reduced to the versions they hold and to what they were made from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.requirements import in_requirements, normal

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
"""Found by name; a pinned requirements.txt counts where none of them is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What one lock file holds."""

    file: str
    versions: Mapping[str, frozenset[str]]
    """Normalised name to its versions; an empty set where the lock names none."""
    groups: frozenset[str] | None = None
    """Extras and groups it covers; None for all."""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """Name to the specifier it was locked for, where the lock tells."""

    def covers(self, group: str) -> bool:
        """True when what that extra or group needs should be in here."""
        return not group or self.groups is None or group in self.groups


def read_lock(path: Path, root: Path) -> Lock:
    """The lock in that file. Raises OSError or ValueError when it cannot be read."""
    if path.suffix == ".txt":
        pins = [each for each in in_requirements(path, root) if each.is_pinned]
        versions = {each.name: frozenset({each.specifier.lstrip("= ")} - {""}) for each in pins}
        return Lock(file=path.name, versions=versions, groups=frozenset())
    document = read_toml(path)
    reader = _READERS.get(path.name, _pylock if path.name.startswith("pylock.") else _uv)
    return reader(path.name, document)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file. Raises OSError or ValueError when it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _uv(file: str, document: Mapping[str, Any]) -> Lock:
    made_from: dict[str, str] = {}
    for package in _packages(document, "package"):
        source = package.get("source")
        is_own = isinstance(source, dict) and "." in {source.get("editable"), source.get("virtual")}
        metadata = package.get("metadata")
        if is_own and isinstance(metadata, dict):
            made_from = dict(_specifiers(metadata.get("requires-dist")))
    return Lock(file=file, versions=_versions(document, "package"), made_from=made_from)


def _specifiers(entries: object) -> Iterator[tuple[str, str]]:
    """Names that are listed once, by version alone; others have no one specifier to compare."""
    listed = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    names = [str(each.get("name")) for each in listed]
    for name, entry in zip(names, listed, strict=True):
        if names.count(name) == 1 and not entry.keys() - {"name", "specifier", "marker", "extras"}:
            yield normal(name), str(entry.get("specifier", ""))


def _poetry(file: str, document: Mapping[str, Any]) -> Lock:
    return Lock(file=file, versions=_versions(document, "package"))


def _pdm(file: str, document: Mapping[str, Any]) -> Lock:
    metadata = document.get("metadata")
    groups = metadata.get("groups") if isinstance(metadata, dict) else None
    return Lock(file=file, versions=_versions(document, "package"), groups=_names(groups))


def _pylock(file: str, document: Mapping[str, Any]) -> Lock:
    groups = (_names(document.get("extras")) or frozenset()) | (
        _names(document.get("dependency-groups")) or frozenset()
    )
    return Lock(file=file, versions=_versions(document, "packages"), groups=groups)


_READERS: dict[str, Callable[[str, Mapping[str, Any]], Lock]] = {
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
}


def _names(value: object) -> frozenset[str] | None:
    return frozenset(str(each) for each in value) if isinstance(value, list) else None


def _versions(document: Mapping[str, Any], key: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for package in _packages(document, key):
        name, version = normal(str(package.get("name", ""))), package.get("version")
        known = {version} if isinstance(version, str) else set()
        found[name] = found.get(name, frozenset()) | known
    return found


def _packages(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Raises ValueError when the lock has no such list: then it is another kind of file."""
    packages = document.get(key, [] if "version" in document or "metadata" in document else None)
    if not isinstance(packages, list):
        raise ValueError("no list of packages")
    return [each for each in packages if isinstance(each, dict)]
