"""The final form of a check's last result for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.checks._repeat import Try
    from ci_ops.core.named import NamedCheck
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Finding, Location, Result

MAX_LISTED_TRIES = 20


def finish(
    result: Result, named: NamedCheck, world: World, *, tries: Sequence[Try], seconds: float
) -> Result:
    """Return the result under its configured name, redacted, every finding with a location."""
    facts = dict(result.facts)
    if len(tries) > 1:
        facts["tries"] = [
            {"at_seconds": round(each.at_seconds, 3), "status": str(one.status), "sentence": one.sentence}
            for each in tries[-MAX_LISTED_TRIES:]
            for one in each.results
        ]
    sentence = result.sentence
    if tries[-1].is_given_up and not result.status.is_good:
        sentence += f" Given up after {format_duration(seconds)}, because that seldom changes by itself."
    return replace(
        result.timed(attempts=len(tries), seconds=seconds),
        check=named.name,
        required=named.required,
        sentence=world.redact.own(sentence),
        findings=tuple(_placed(finding, named, world) for finding in result.findings),
        facts=_hidden(facts, world),
    )


def _placed(finding: Finding, named: NamedCheck, world: World) -> Finding:
    return replace(
        finding,
        location=_shown_place(finding, world) or named.location,
        sentence=world.redact.own(finding.sentence),
        expected=world.redact(finding.expected),
        observed=world.redact(finding.observed),
        subject=world.redact(finding.subject),
        advice=world.redact.own(finding.advice),
    )


def _shown_place(finding: Finding, world: World) -> Location | None:
    place = finding.location
    return place and replace(place, file=world.redact.own(place.file))


def _hidden(value: Any, world: World) -> Any:
    if isinstance(value, str):
        return world.redact(value)
    if isinstance(value, Mapping):
        return {world.redact(str(key)): _hidden(each, world) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each, world) for each in value]
    return value
