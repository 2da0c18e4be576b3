"""Requirements, versions and markers by the rules of Python packaging.

The one door to the library `packaging`, which is loaded only where a lock file is read.
Source: packaging.python.org/specifications: version-specifiers, dependency-specifiers.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.markers import Marker

NEWEST_MINOR = 20
"""Of Python 3: two ranges are compared at every minor version up to this one."""

_NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,6})*")
_SYSTEMS = (
    {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"},
    {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"},
    {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"},
)
_MACHINES = ("x86_64", "aarch64", "arm64", "AMD64")
_IMPLEMENTATIONS = (
    {"implementation_name": "cpython", "platform_python_implementation": "CPython"},
    {"implementation_name": "pypy", "platform_python_implementation": "PyPy"},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """A parsed dependency specifier."""

    name: str
    """Normalised."""
    extras: frozenset[str] = frozenset()
    specifier: str = ""
    url: str = ""
    marker: str = ""


@cache
def parse_requirement(text: str) -> Requirement | None:
    """Return the parsed requirement; None for an invalid one."""
    from packaging import requirements, utils  # noqa: PLC0415 - only where a lock file is read

    try:
        found = requirements.Requirement(text)
    except requirements.InvalidRequirement:
        return None
    return Requirement(
        name=utils.canonicalize_name(found.name),
        extras=frozenset(map(utils.canonicalize_name, found.extras)),
        specifier=str(found.specifier),
        url=found.url or "",
        marker=str(found.marker or ""),
    )


@cache
def _specifiers(text: str) -> Any:
    """Return the SpecifierSet; None for invalid text."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - the same

    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


@cache
def _version(text: str) -> Any:
    """Return the Version; None for invalid text."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - the same

    try:
        return Version(text)
    except InvalidVersion:
        return None


def allows(specifier: str, version: str) -> bool | None:
    """Return whether the specifier accepts the version, pre-releases too; None if one of them is invalid."""
    wanted, known = _specifiers(specifier), _version(version)
    if wanted is None or known is None:
        return None
    return bool(wanted.contains(known, prereleases=True))


def pinned_version(specifier: str) -> str:
    """Return the one version that the specifier accepts, such as `1.2` for `==1.2`; empty for a range."""
    clauses = list(_specifiers(specifier) or ())
    if len(clauses) != 1 or clauses[0].operator not in {"==", "==="} or clauses[0].version.endswith(".*"):
        return ""
    return str(clauses[0].version)


def is_same_version(one: str, other: str) -> bool:
    """Return True for two spellings of one version, local part aside."""
    first, second = _version(one), _version(other)
    if first is None or second is None:
        return one == other
    return bool(_version(first.public) == _version(second.public))


def is_same_specifier(one: str, other: str) -> bool:
    """Return True when both accept the same versions, compared by normalized clauses."""
    first, second = _specifiers(one), _specifiers(other)
    return one == other if first is None or second is None else bool(first == second)


def is_same_python(ranges: Iterable[str], locked: str) -> bool:
    """Return True when `locked` accepts exactly the Python versions that all of the ranges accept."""
    listed = [each for each in map(_specifiers, ranges) if each is not None]
    theirs = _specifiers(locked)
    if theirs is None:
        return True
    versions = filter(None, map(_version, _pythons((*map(str, listed), locked))))
    return all(
        all(each.contains(version, prereleases=True) for each in listed)
        is theirs.contains(version, prereleases=True)
        for version in versions
    )


def is_same_marker(one: str, other: str, *, python: str, extras: Iterable[str] = ()) -> bool:
    """Return True when both hold in the same environments of the Pythons that `python` accepts."""
    if one == other:
        return True
    first, second = _marker(one), _marker(other)
    if first is None or second is None:
        return False
    environments = _environments(f"{one} {other}", python, extras)
    return all(_holds(first, each) is _holds(second, each) for each in environments)


@cache
def _marker(text: str) -> Marker | None:
    """Return the Marker, always true for an empty text; None for an invalid one."""
    from packaging.markers import InvalidMarker, Marker  # noqa: PLC0415 - the same

    try:
        return Marker(text or "python_version >= '0'")
    except InvalidMarker:
        return None


def _holds(marker: Marker, environment: Mapping[str, str]) -> bool:
    try:
        return marker.evaluate({**environment})
    except Exception:  # noqa: BLE001 - packaging raises several kinds for comparisons without a sense
        return False


def _environments(text: str, python: str, extras: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield environments that differ in every variable of the markers."""
    versions = [each for each in _pythons((text,)) if allows(python, each) is not False]
    systems = _SYSTEMS if re.search(r"os_name|sys_platform|platform_system", text) else _SYSTEMS[:1]
    machines = _MACHINES if "platform_machine" in text else _MACHINES[:1]
    implementations = _IMPLEMENTATIONS if "implementation" in text else _IMPLEMENTATIONS[:1]
    chosen = ("", *extras) if "extra" in text else ("",)
    axes = (versions, systems, machines, implementations, chosen)
    for version, system, machine, implementation, extra in itertools.product(*axes):
        yield {
            "python_full_version": version,
            "python_version": ".".join(version.split(".")[:2]),
            "implementation_version": version,
            "platform_machine": machine,
            "extra": extra,
            **system,
            **implementation,
        }


def _pythons(texts: Iterable[str]) -> list[str]:
    """Return Python versions at which two ranges can differ: every minor one and those near bounds."""
    found = {f"3.{minor}.{patch}" for minor in range(NEWEST_MINOR + 1) for patch in (0, 99)}
    for number in _NUMBERS.findall(" ".join(texts)):
        parts = [int(part) for part in number.split(".")][:3]
        if len(parts) < 2 and parts[0] not in {2, 3, 4}:
            continue
        whole = (*parts, 0, 0)[:3]
        for last in {max(0, whole[2] - 1), whole[2], whole[2] + 1}:
            found.add(f"{whole[0]}.{whole[1]}.{last}")
        found.add(f"{whole[0] + 1}.0.0")
    return sorted(found)
