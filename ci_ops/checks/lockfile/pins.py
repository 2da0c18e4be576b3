"""The pins of a requirements file, and requirements that are not pinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault
from ci_ops.checks.lockfile.addresses import Pin, about_address, read_pin
from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.locks import Lock, require_no_conflict
from ci_ops.checks.lockfile.pep440 import is_same_version
from ci_ops.core.contract.requirement_files import read_requirement_files
from ci_ops.core.health.status import Status
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.core.contract.requirement_files import Gap, RequirementFiles

_GAPS = {
    "address": "names a file on the network, which was not read",
    "variable": "names a file by a variable, which was not read",
    "outside": "names a file outside the repository, which was not read",
    "missing": "names a file that cannot be read",
    "option": "has an option that pip does not know",
    "too-many": "names more files than are read",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """A requirements file with all that it includes."""

    lock: Lock
    pins: tuple[Pin, ...]
    faults: tuple[Fault, ...]
    """What is wrong with it alone."""


def read_pins(path: Path, root: Path, boundary: Path, *, is_only_lock: bool) -> Pins:
    """Read a requirements file. Raises OSError, Conflict, ValueError when it cannot be read.

    A range is a failure where no other file locks the project, and a warning beside one.
    """
    found = read_requirement_files(path, root, boundary)
    for name in found.files:
        require_no_conflict(read_text_file(root / name), name)
    pins, limits, faults = list[Pin](), list[Pin](), list[Fault]()
    for line in found.lines:
        pin = read_pin(line)
        if pin is None:
            sentence = f"{line.file} has a line that is no requirement."
            faults.append(
                fault("unreadable", sentence, severity=Status.ERROR, file=line.file, line=line.line)
            )
        else:
            (limits if line.is_constraint else pins).append(pin)
    faults += map(_gap, found.gaps)
    faults += _contradictions(pins, limits)
    faults += _half_hashed(pins)
    limited = {each.name: each.version for each in limits if each.version}
    severity = Status.FAIL if is_only_lock else Status.WARN
    for pin in pins:
        faults += about_address(pin, root, boundary) if pin.address else _about_range(pin, limited, severity)
    return Pins(lock=_as_lock(path, found, pins, limited), pins=tuple(pins), faults=tuple(faults))


def _as_lock(path: Path, found: RequirementFiles, pins: list[Pin], limited: dict[str, str]) -> Lock:
    versions: dict[str, frozenset[str]] = {}
    for each in pins:
        version = each.version or ("" if each.address else limited.get(each.name, ""))
        if each.name:
            versions[each.name] = versions.get(each.name, frozenset()) | ({version} if version else set())
    return Lock(file=found.files[0], name=path.name, versions=versions, groups=frozenset())


def _about_range(pin: Pin, limited: dict[str, str], severity: Status) -> Iterator[Fault]:
    if pin.version or pin.name in limited:
        return
    yield fault(
        "unpinned",
        f"{pin.label} in {pin.line.file} is not pinned to one version.",
        severity=severity,
        subject=pin.name,
        expected=f"{pin.name}==…",
        observed=pin.specifier or "any version",
        file=pin.line.file,
        line=pin.line.line,
    )


def _half_hashed(pins: list[Pin]) -> Iterator[Fault]:
    """Yield the requirements without a hash if any has one: pip then requires all of them.

    Source: pip, "Secure installs".
    """
    without = [each for each in pins if not each.line.has_hash]
    if not without or len(without) == len(pins):
        return
    first = without[0]
    yield fault(
        "half-hashed",
        f"{first.label} in {first.line.file} has no hash, and others have one.",
        severity=Status.WARN,
        subject=first.name,
        expected="--hash=sha256:… at every requirement, or at none",
        observed=f"no hash at {len(without)} of {len(pins)}",
        file=first.line.file,
        line=first.line.line,
    )


def _contradictions(pins: list[Pin], limits: list[Pin]) -> Iterator[Fault]:
    """Yield lines that pin one package to two versions in the same environment."""
    first: dict[tuple[str, str], Pin] = {}
    for pin in [*pins, *limits]:
        known = first.setdefault((pin.name, pin.marker), pin)
        if known is pin or not pin.name or not known.version or not pin.version:
            continue
        if not is_same_version(known.version, pin.version):
            yield fault(
                "contradiction",
                f"{pin.line.file} requires another version of {pin.name} than {known.line.file}:{known.line.line}.",
                subject=pin.name,
                expected=known.version,
                observed=pin.version,
                file=pin.line.file,
                line=pin.line.line,
            )


def _gap(gap: Gap) -> Fault:
    is_only_a_limit = gap.is_constraint and gap.kind != "missing"
    return fault(
        "not-read" if gap.kind not in {"missing", "option"} else "unreadable",
        f"{gap.file} {_GAPS[gap.kind]}.",
        severity=Status.WARN if is_only_a_limit else Status.ERROR,
        subject=gap.kind,
        file=gap.file,
        line=gap.line,
    )
