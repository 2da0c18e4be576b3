"""The result of one check."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ci_ops.core.health.status import Status

REFUSED_FACT = "refused"
"""The fact of a result that is bad for one reason alone: the service refused the probe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A line of a file that the reader should inspect."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One statement of a check, with its location and advice."""

    rule: str
    """`<plugin>/<finding>`: stable, never reused; the key of `ignore`."""
    severity: Status
    """warn, fail or error."""
    sentence: str
    expected: str = ""
    observed: str = ""
    """What was seen, already free of secrets and cut to a readable length."""
    location: Location | None = None
    advice: str = ""
    subject: str = ""
    """What it is about (a URL, a variable's name); part of the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """An id of 16 hexadecimal digits that is equal for the same finding in two runs."""
        seed = "\n".join((self.rule, self.subject, self.location.file if self.location else ""))
        return hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "rule": self.rule,
            "severity": str(self.severity),
            "sentence": self.sentence,
            "expected": self.expected,
            "observed": self.observed,
            "location": str(self.location) if self.location else "",
            "advice": self.advice,
            "subject": self.subject,
            "fingerprint": self.fingerprint,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result of one check; one that measured nothing can be neither pass nor warn."""

    check: str
    """The name under which the configuration lists the check."""
    status: Status
    sentence: str
    measured: int
    """How many things were really looked at: requests, files, variables."""
    findings: tuple[Finding, ...] = ()
    attempts: int = 1
    seconds: float = 0.0
    transient: bool = False
    """True when the same question may well have another answer soon."""
    required: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Measured values for people and machines: latency, histogram, days left."""

    def __post_init__(self) -> None:
        if self.measured == 0 and self.status.is_good:
            raise ValueError(f"check {self.check!r} measured nothing and cannot be {self.status}")

    @property
    def blocks(self) -> bool:
        """True for a required check that failed or could not measure; a skipped check never decides."""
        return self.required and self.status in {Status.FAIL, Status.ERROR}

    def timed(self, *, attempts: int, seconds: float) -> Result:
        """Return the result with the number and the total duration of its tries."""
        return replace(self, attempts=attempts, seconds=seconds)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "check": self.check,
            "status": str(self.status),
            "sentence": self.sentence,
            "measured": self.measured,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 6),
            "transient": self.transient,
            "required": self.required,
            "facts": dict(self.facts),
            "findings": [finding.to_json() for finding in self.findings],
        }
