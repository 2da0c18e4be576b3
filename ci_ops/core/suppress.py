"""Suppression of findings, for a stated reason and until a date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from ci_ops.core.health.status import Status, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.core.result import Finding, Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Suppression:
    """Why a rule's findings are ignored, and until when."""

    reason: str
    """Why the finding is no danger here; shown whenever it is ignored."""
    until: date
    """The last day on which it is ignored, in UTC."""

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("reason: say why the finding may be ignored")


def suppress(
    results: Iterable[Result], ignore: Mapping[str, Suppression], *, today: date
) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """Return the results without suppressed findings, with a note for every suppression.

    A key of `ignore` is `<plugin>/<rule>` or `<plugin>/*`; the exact one takes precedence. A result
    whose worst findings are suppressed takes the status of the others; one that measured nothing
    becomes a skip, never a pass. After `until` the finding counts again, and a note says so.
    """
    remaining: list[Result] = []
    notes: dict[str, None] = {}
    for result in results:
        meant = {each.rule: found for each in result.findings if (found := _meant(each.rule, ignore))}
        notes.update((_note(result.check, rule, each, today), None) for rule, each in meant.items())
        remaining.append(_without(result, {rule for rule, each in meant.items() if today <= each.until}))
    return tuple(remaining), tuple(notes)


def _meant(rule: str, ignore: Mapping[str, Suppression]) -> Suppression | None:
    return ignore.get(rule) or ignore.get(f"{rule.partition('/')[0]}/*")


def _without(result: Result, ignored: set[str]) -> Result:
    if not ignored:
        return result
    left = tuple(each for each in result.findings if each.rule not in ignored)
    return replace(
        result,
        status=_status_after(result, left),
        findings=left,
        sentence=f"{result.sentence} (ignored: {', '.join(sorted(ignored))})",
    )


def _status_after(result: Result, left: tuple[Finding, ...]) -> Status:
    """Return the status without the suppressed findings, unless the result is worse than all its findings."""
    explained = worst(each.severity for each in result.findings)
    if explained is None or worst([explained, result.status]) is not explained:
        return result.status
    rest = worst(each.severity for each in left) or Status.PASS
    milder = rest if worst([rest, result.status]) is result.status else result.status
    return Status.SKIP if milder.is_good and result.measured == 0 else milder


def _note(check: str, rule: str, suppression: Suppression, today: date) -> str:
    if today <= suppression.until:
        return f"Ignored until {suppression.until} in {check}: {rule}. Reason: {suppression.reason}"
    return (
        f"The ignore of {rule} ended on {suppression.until}, so its finding in {check} counts again: "
        "fix it, or renew `until` under `ignore`."
    )
