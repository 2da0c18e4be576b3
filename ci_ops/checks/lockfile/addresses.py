"""Requirements by URL or path, and whether they are reproducible."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.pep440 import parse_requirement, pinned_version
from ci_ops.core.contract.requirement_files import Line
from ci_ops.core.contract.requirements import normal
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks._verdict import Fault

_SCHEME = re.compile(r"(?i)(?:(?P<vcs>git|hg|svn|bzr)\+)?(?P<scheme>[a-z][a-z0-9+.-]*)://")
_DRIVE = re.compile(r"(?i)^/?[a-z]:[\\/]")
_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_VERSION_TAG = re.compile(r"(?i)v?\d+(\.\d+)+\S*|[a-z][\w-]*[-_/]v?\d+(\.\d+)+\S*")
_BRANCH_ARCHIVE = re.compile(r"/(?:refs/heads|-/archive/(?:main|master)|archive/(?:main|master))[/.]")
_HASH = re.compile(r"(?:^|&)(?:sha(?:1|224|256|384|512)|md5)=[0-9a-fA-F]{32,}")
_ARCHIVE = re.compile(r"(?i)\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One requirement of the file."""

    name: str
    """Normalised; empty for an address whose package is not named."""
    label: str
    """As messages name it: without an address, which may hold a token."""
    specifier: str
    marker: str
    address: str
    """A URL or path; empty for a package of an index."""
    line: Line

    @property
    def version(self) -> str:
        """The one version that it accepts; empty for a range or an address."""
        return "" if self.address else pinned_version(self.specifier)


def read_pin(line: Line) -> Pin | None:
    """Return the requirement of a line; None where it is none."""
    if is_address(line):
        name = _egg(line.text)
        shown, address = name or "a direct reference", line.text.partition(" ;")[0].strip()
        return Pin(name=name, label=shown, specifier="", marker="", address=address, line=line)
    parsed = parse_requirement(line.text)
    if parsed is None:
        return None
    return Pin(
        name=parsed.name,
        label=parsed.name,
        specifier=parsed.specifier,
        marker=parsed.marker,
        address=parsed.url,
        line=line,
    )


def is_address(line: Line) -> bool:
    """Return True for a URL or a path without a name before it."""
    return line.is_editable or _SCHEME.match(line.text) is not None or _is_path(line.text)


def _is_path(text: str) -> bool:
    word = text.partition(";")[0].strip()
    is_archive = _ARCHIVE.search(word.partition("#")[0].partition("[")[0]) is not None and "@" not in word
    return word.startswith((".", "/", "~", "\\")) or _DRIVE.match(word) is not None or is_archive


def _egg(text: str) -> str:
    found = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", text)
    return normal(found[1]) if found else ""


def about_address(pin: Pin, root: Path, boundary: Path) -> Iterator[Fault]:
    """Yield the faults of a URL or a path."""
    match = _SCHEME.match(pin.address)
    if match and match["vcs"]:
        yield from _about_revision(pin)
    elif match and match["scheme"].lower() != "file":
        yield from _about_archive(pin)
    else:
        yield from _about_path(pin, root, boundary)


def _about_revision(pin: Pin) -> Iterator[Fault]:
    path = urlsplit(pin.address).path
    revision = path.rpartition("@")[2] if "@" in path else ""
    if _COMMIT.fullmatch(revision):
        return
    is_tag = _VERSION_TAG.fullmatch(revision) is not None
    yield fault(
        "moving",
        f"{pin.label} in {pin.line.file} follows a {'tag' if is_tag else 'branch'}, not a commit.",
        severity=Status.WARN if is_tag else Status.FAIL,
        subject=pin.name,
        expected="a commit of 40 hexadecimal digits after @",
        observed="a tag, which can be moved" if is_tag else "a branch" if revision else "no revision",
        file=pin.line.file,
        line=pin.line.line,
    )


def _about_archive(pin: Pin) -> Iterator[Fault]:
    parts = urlsplit(pin.address)
    if pin.line.has_hash or _HASH.search(parts.fragment) or _COMMIT.search(parts.path):
        return
    is_branch = _BRANCH_ARCHIVE.search(parts.path) is not None
    yield fault(
        "moving",
        f"{pin.label} in {pin.line.file} is an address without a hash.",
        severity=Status.FAIL if is_branch else Status.WARN,
        subject=pin.name,
        expected="#sha256=… behind the address, or --hash",
        observed="an archive of a branch" if is_branch else "no hash",
        file=pin.line.file,
        line=pin.line.line,
    )


def _about_path(pin: Pin, root: Path, boundary: Path) -> Iterator[Fault]:
    """Yield a fault for a path outside the repository, which other machines do not have."""
    is_url = pin.address.lower().startswith("file:")
    plain = unquote(urlsplit(pin.address).path) if is_url else pin.address
    plain = plain.partition("#")[0].partition("[")[0].strip() or "."
    is_elsewhere = plain.startswith(("~", "\\")) or _DRIVE.match(plain) is not None
    # pip takes a path from where it is started, which is the project's root.
    place = (root / plain).resolve()
    if is_elsewhere or not place.is_relative_to(boundary.resolve()) or Path(plain).is_absolute():
        what, observed = "a place outside the repository", "a path of one machine"
    elif not place.exists():
        what, observed = "a path that does not exist", "no such file or directory"
    else:
        return
    yield fault(
        "local-path",
        f"{pin.label} in {pin.line.file} is installed from {what}.",
        subject=pin.name,
        expected="a path in the repository, or a version from an index",
        observed=observed,
        file=pin.line.file,
        line=pin.line.line,
    )
