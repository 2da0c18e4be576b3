"""Constructors for the faults of the check `lockfile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from ci_ops.core.contract.requirements import Dependency


def fault(  # noqa: PLR0913 - what a fault has, with the usual severity and a place
    rule: str,
    sentence: str,
    *,
    file: str,
    line: int = 1,
    severity: Status = Status.FAIL,
    subject: str = "",
    expected: str = "",
    observed: str = "",
    advice: str = "",
) -> Fault:
    """Return a fault at that line."""
    return Fault(
        rule=rule,
        severity=severity,
        sentence=sentence,
        subject=subject,
        expected=expected,
        observed=observed,
        advice=advice,
        location=Location(file=file, line=line),
    )


def about(dependency: Dependency, rule: str, sentence: str, *, observed: str, advice: str = "") -> Fault:
    """Return a failure about one dependency of the project."""
    asked = dependency.specifier or " or ".join(dependency.poetry)
    return fault(
        rule,
        sentence,
        file=dependency.file,
        line=dependency.line,
        subject=dependency.name,
        expected=f"{dependency.name} {asked}".strip(),
        observed=observed,
        advice=advice,
    )
