"""Comparison of lock files with the project's dependencies, and with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks.lockfile.faults import about, fault
from ci_ops.checks.lockfile.pep440 import allows, is_same_python, is_same_version
from ci_ops.checks.lockfile.poetry import allows_any
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ci_ops.checks._verdict import Fault
    from ci_ops.checks.lockfile.addresses import Pin
    from ci_ops.checks.lockfile.locks import Lock
    from ci_ops.checks.lockfile.project import Project
    from ci_ops.core.contract.requirements import Dependency


def missing_or_other(lock: Lock, wanted: Iterable[Dependency]) -> Iterator[Fault]:
    """Yield the dependencies that the lock lacks, or locks in a version that is not accepted."""
    for each in wanted:
        if not lock.covers(each.group):
            continue
        locked = lock.versions.get(each.name)
        if locked is None:
            if not each.is_conditional:
                sentence = f"{each.name} is not in {lock.file}."
                yield about(each, "not-locked", sentence, observed="nothing", advice=lock.relock)
        elif locked and all(_is_refused(each, version) for version in locked):
            sentence = f"{lock.file} holds a version of {each.name} that the project does not accept."
            yield about(
                each, "other-version", sentence, observed=", ".join(sorted(locked)), advice=lock.relock
            )


def _is_refused(wanted: Dependency, version: str) -> bool:
    if wanted.poetry:
        return allows_any(wanted.poetry, version) is False
    return allows(wanted.specifier, version) is False


def left_out(lock: Lock, wanted: Iterable[Dependency]) -> Iterator[Fault]:
    """Yield a warning where a lock names no environments and lacks a dependency with a marker.

    `pip lock` writes such a file: it holds what pip would install on that machine, and installers take it on any other.
    Source: pip 26.3, findings/pip-lock-of-another-python.sh.
    """
    if not lock.name.startswith("pylock.") or lock.document.keys() & {"environments", "requires-python"}:
        return
    missing = [
        each
        for each in wanted
        if each.is_conditional and lock.covers(each.group) and each.name not in lock.versions
    ]
    if missing:
        names = ", ".join(sorted({each.name for each in missing}))
        yield fault(
            "one-environment",
            f"{lock.file} does not name the environments it was made for, and lacks {names}.",
            file=missing[0].file,
            line=missing[0].line,
            severity=Status.WARN,
            expected="`environments` or `requires-python`, or an entry for each dependency with a marker",
            observed=f"neither, and no entry for {names}",
        )


def dangling(lock: Lock) -> Iterator[Fault]:
    """Yield the packages that others in the lock need and that are missing.

    A careless merge leaves such a lock, and Poetry installs it without a warning.
    """
    for name, by in lock.dangling.items():
        sentence = f"{name}, which {by} needs, is not in {lock.file}."
        expected = f"{name}, which is a dependency of {by}"
        yield fault(
            "not-locked",
            sentence,
            file=lock.file,
            subject=name,
            expected=expected,
            observed="nothing",
            advice=lock.relock,
        )


def doubled(lock: Lock) -> Iterator[Fault]:
    """Yield the packages that occur twice in the lock."""
    for name in lock.doubled:
        sentence = f"{name} stands twice in {lock.file}, in the same version."
        yield fault("contradiction", sentence, file=lock.file, subject=name, advice=lock.relock)


def other_python(lock: Lock, projects: Sequence[Project]) -> Iterator[Fault]:
    """Yield a fault where the lock was made for other versions of Python than the projects run on."""
    ranges = [each.requires_python for each in projects if each.requires_python]
    if not ranges or not lock.python or lock.name != "uv.lock" or is_same_python(ranges, lock.python):
        return
    yield fault(
        "other-python",
        f"{lock.file} was made for other versions of Python.",
        file=lock.file,
        line=2,
        expected=", ".join(ranges),
        observed=lock.python,
        advice=lock.relock,
    )


def differences(lock: Lock, other: Lock, pins: Iterable[Pin]) -> Iterator[Fault]:
    """Yield the differences between a requirements file and the lock beside it."""
    for pin in pins:
        locked = lock.versions.get(pin.name)
        version = pin.version
        if not version or (locked is None and pin.marker):
            continue
        if locked is None or (locked and not any(is_same_version(version, each) for each in locked)):
            yield fault(
                "locks-differ",
                f"{pin.line.file} and {lock.file} install different versions of {pin.name}."
                if locked
                else f"{pin.line.file} installs {pin.name}, which is not in {lock.file}.",
                file=pin.line.file,
                line=pin.line.line,
                subject=pin.name,
                expected=", ".join(sorted(locked or ())) or "nothing",
                observed=version,
                advice=f"Export {other.file} from {lock.file} again, or delete the one that is not used.",
            )
