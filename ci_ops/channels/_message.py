"""Rendering of an event as one neutral message through its Jinja template.

A template writes one item per line with a prefix: `title:`, `line:`, `fact: Label = value` or
`link: Label = address`. Items without a value are left out. Every value reaches the template as one
clean line, so text from outside can never add or change a line of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ci_ops.core.event import JobSubject
from ci_ops.core.message import Link, Message
from ci_ops.core.plugin import shorten
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import encodable, map_texts, one_line

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.event import Event
    from ci_ops.core.ports.templates import Templates

VALUE_CHARACTERS = 1000
ADDRESS_CHARACTERS = 4000
"""A longer address is no address; it cannot be cut, so it is left out."""
MAX_DETAILS = 20
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)


def message_for(event: Event, templates: Templates) -> Message:
    """Return the message for the event. Raises ValueError when its template is malformed."""
    record = event.record
    rendered = templates.render(f"messages/{event.name}.j2", **_context(event))
    things = _things(rendered, name=event.name)
    facts = [_pair(value) for value in things["fact"]]
    links = [_pair(value) for value in things["link"]]
    return Message(
        event=event.name,
        event_id=_clean(event.id),
        severity=event.severity,
        title=" ".join(things["title"]) or event.name,
        lines=tuple(things["line"]),
        facts=tuple((label, value) for label, value in facts if value),
        links=tuple(Link(label=label, url=url) for label, url in links if _WEB_ADDRESS.fullmatch(url)),
        record=record and map_texts(record, lambda text: shorten(encodable(text), ADDRESS_CHARACTERS)),
        sequence=event.sequence,
    )


def _things(rendered: str, *, name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"title": [], "line": [], "fact": [], "link": []}
    for number, line in enumerate(rendered.split("\n"), start=1):
        kind, colon, value = line.strip().partition(":")
        if not kind and not colon:
            continue
        if kind not in found or not colon:
            raise ValueError(f"messages/{name}.j2, output line {number}: expected title, line, fact or link")
        if value.strip():
            found[kind].append(value.strip())
    return found


def _pair(text: str) -> tuple[str, str]:
    label, _, value = text.partition(" =")
    return label.strip(), value.strip()


def _context(event: Event) -> dict[str, Any]:
    """Return the variables of a message template, each a clean line; empty when unknown."""
    subject = event.subject
    known = {
        "service": subject.service,
        "environment": subject.environment,
        "revision": subject.revision[:7],
        "ref": subject.ref,
        "actor": subject.actor,
        "sentence": event.sentence,
        **(_of_job(subject) if isinstance(subject, JobSubject) else _of_deployment(subject)),
    }
    address = one_line(subject.run_url)
    return {
        **{name: _clean(value) for name, value in known.items()},
        "run_url": address if len(address) <= ADDRESS_CHARACTERS else "",
        "details": _details(event.details),
    }


def _of_job(job: JobSubject) -> dict[str, str]:
    return {"job": job.name}


def _of_deployment(record: DeploymentRecord) -> dict[str, str]:
    # An automatic rollback is told with the failed deployment's record.
    is_own_record = record.kind == "rollback"
    duration = record.duration_seconds
    return {
        "id": record.id,
        "version": record.version,
        "back_to": (record.revision if is_own_record else record.previous_revision)[:7],
        "away_from": (record.previous_revision if is_own_record else record.revision)[:7],
        "duration": "" if duration is None else format_duration(duration),
        "reason": record.reason,
        "error": record.error,
        "state": str(record.state),
    }


def _clean(text: str) -> str:
    return shorten(one_line(text), VALUE_CHARACTERS)


def _details(details: tuple[str, ...]) -> list[str]:
    listed = [_clean(detail) for detail in details[:MAX_DETAILS]]
    left_out = len(details) - len(listed)
    return [*listed, f"… and {left_out} more"] if left_out else listed
