"""The five statuses of a measurement, and their synonyms."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Status(StrEnum):
    """The outcome of a measurement.

    `fail`: the service answered badly or did not answer. `error`: it could not be measured. `skip`:
    nothing was measured, for a stated reason.
    """

    PASS = "pass"
    WARN = "warn"
    SKIP = "skip"
    FAIL = "fail"
    ERROR = "error"

    @property
    def is_good(self) -> bool:
        """True for pass and warn, the only statuses that mean measured and passed."""
        return self in {Status.PASS, Status.WARN}


_WORDS: dict[str, Status] = {
    "pass": Status.PASS,
    "passed": Status.PASS,
    "ok": Status.PASS,
    "up": Status.PASS,
    "healthy": Status.PASS,
    "true": Status.PASS,
    "warn": Status.WARN,
    "warning": Status.WARN,
    "degraded": Status.WARN,
    "skip": Status.SKIP,
    "skipped": Status.SKIP,
    "fail": Status.FAIL,
    "failed": Status.FAIL,
    "failure": Status.FAIL,
    "down": Status.FAIL,
    "unhealthy": Status.FAIL,
    "false": Status.FAIL,
    "error": Status.ERROR,
}
_SEVERITY = (Status.SKIP, Status.PASS, Status.WARN, Status.ERROR, Status.FAIL)


def status_of(word: object) -> Status | None:
    """Return the status of a synonym; None for an unknown word.

    Source: draft-inadarei-api-health-check-06 section 3.1 for ok/up/error/down;
    the rest are the documented vocabularies of the project.
    """
    if isinstance(word, bool):
        return Status.PASS if word else Status.FAIL
    return _WORDS.get(word.strip().casefold()) if isinstance(word, str) else None


def worst(statuses: Iterable[Status]) -> Status | None:
    """Return the status that decides for all: fail, error, warn, pass, skip; None without statuses."""
    return max(statuses, key=_SEVERITY.index, default=None)
