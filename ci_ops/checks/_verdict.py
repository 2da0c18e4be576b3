"""From the faults that a check found to its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.health.status import Status, worst
from ci_ops.core.plugin import shorten
from ci_ops.core.result import REFUSED_FACT, Location
from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ci_ops.core.plugin import Check
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result

EVIDENCE_CHARACTERS = 300
_MAX_REDACTED_CHARACTERS = 4000
"""Bodies are hostile: patterns that look for secrets see only so much of one."""
RETRY_AFTER_FACT = "retry_after_seconds"
"""The fact by which a result says how long the other side asked to wait."""

LASTING_FACT = "lasting"
"""The fact that names the rules of faults that seldom go away by themselves, where there are no others."""
HAS_DOCUMENT_FACT = "health_document"
"""The fact that the address answered a health document: from then on a page of HTML there is a failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault, before it becomes a finding."""

    rule: str
    """Without the `<plugin>/` in front."""
    severity: Status
    sentence: str
    expected: str = ""
    observed: str = ""
    subject: str = ""
    advice: str = ""
    location: Location | None = None
    transient: bool = False
    lasting: bool = False
    """True for a transient fault that seldom goes away by itself: it is asked again for a part of the deadline."""
    wait_seconds: float | None = None
    """What the other side asked for; None when it asked for nothing."""
    is_refusal: bool = False
    """True where the probe alone was refused: that says nothing about the release."""


def evidence(world: World, text: str, limit: int = EVIDENCE_CHARACTERS) -> str:
    """Return untrusted text on one line, redacted, visibly truncated.

    It is redacted first: a truncated secret would no longer be recognised.
    """
    start = text[:_MAX_REDACTED_CHARACTERS]
    line = one_line(world.redact(start))
    if start != text and len(line) <= limit and not start[-1].isspace():
        line = line.rpartition(" ")[0]  # blanks made way for a word that was cut: it may be half a secret
    return shorten(line, limit)


def conclude(
    check: Check,
    faults: Iterable[Fault],
    *,
    sentence: str,
    measured: int,
    facts: Mapping[str, Any] | None = None,
) -> Result:
    """Return the result of these faults; `sentence` is its text without any.

    It is transient when none of the deciding faults is permanent.
    """
    listed = sorted(faults, key=_weight)
    status = worst(fault.severity for fault in listed) or Status.PASS
    deciding = [fault for fault in listed if not fault.severity.is_good]
    waits = [fault.wait_seconds for fault in listed if fault.wait_seconds is not None]
    more: dict[str, Any] = {RETRY_AFTER_FACT: max(waits)} if waits and not status.is_good else {}
    if deciding and all(fault.is_refusal for fault in deciding):
        more[REFUSED_FACT] = True
    if deciding and all(fault.transient and fault.lasting for fault in deciding):
        more[LASTING_FACT] = ", ".join(sorted({fault.rule for fault in deciding}))
    return check.result(
        status,
        _summary(check, listed) or sentence,
        measured=measured,
        findings=tuple(_finding(check, fault) for fault in listed),
        transient=bool(deciding) and all(fault.transient for fault in deciding),
        facts={**(facts or {}), **more},
    )


_ORDER = (Status.FAIL, Status.ERROR, Status.WARN)


def _weight(fault: Fault) -> int:
    return _ORDER.index(fault.severity)


def _summary(check: Check, faults: Sequence[Fault]) -> str:
    if not faults:
        return ""
    first = faults[0].sentence or check.rules[faults[0].rule].sentence
    return first + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _finding(check: Check, fault: Fault) -> Any:
    more: dict[str, Any] = {"advice": fault.advice} if fault.advice else {}
    return check.finding(
        fault.rule,
        fault.severity,
        fault.sentence,
        expected=fault.expected,
        observed=fault.observed,
        subject=fault.subject,
        location=fault.location,
        **more,
    )
