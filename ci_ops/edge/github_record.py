"""The mapping between a deployment record and GitHub's deployment with its statuses.

A GitHub deployment cannot be edited, so its payload holds what is known when
it is opened, and each status' description says `<state> <sha7> <record id>`;
that description, together with the state beside it, is what is read back.

    planned       queued
    running       in_progress
    unverified    inactive: over, so that nothing is left in progress when the
                  runner dies; no green tick, and no alarm (GitHub fires no
                  event for it), because a verification may follow in a second
    verified      success: nothing else is ever shown as success
    failed        failure
    rolled-back   failure: it did not hold, and whoever counts failures of
                  changes counts it
    interrupted   error: unknown

An `inactive` that is not in our words is GitHub's own mark on the deployment
before the last good one; it takes nothing away from its verification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.delivery.record import (
    SCHEMA,
    UNDER_WAY,
    DeploymentRecord,
    State,
    is_deployment_id,
    is_revision,
)
from ci_ops.core.environment import is_same_environment
from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from github.Deployment import Deployment

MAX_DESCRIPTION = 140
"""Source: GitHub REST API, create a deployment status; a longer one is refused (422)."""

SHOWN_AS: dict[State, str] = {
    State.PLANNED: "queued",
    State.RUNNING: "in_progress",
    State.UNVERIFIED: "inactive",
    State.VERIFIED: "success",
    State.FAILED: "failure",
    State.ROLLED_BACK: "failure",
    State.INTERRUPTED: "error",
}
_FOREIGN = {
    "in_progress": State.RUNNING,
    "success": State.UNVERIFIED,
    "failure": State.FAILED,
    "error": State.FAILED,
}
"""What a status in somebody else's words means; the others say nothing that we need."""

_DESCRIPTION = re.compile(r"(?P<state>[a-z-]+) (?P<sha7>\w{7}) (?P<id>[0-9A-Za-z-]+)(?:: (?P<why>.*))?")
_LATER = frozenset(
    {"schema", "state", "finished_at", "verified_at", "duration_seconds", "error", "external_id"}
)
"""Fields that are not known, or not final, when a deployment is opened."""
_RELEASE = re.compile(r"[0-9A-Za-z-]*")
_BEYOND = re.compile(r"[\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One deployment status on GitHub."""

    state: str
    description: str
    at: datetime | None = None


def payload_of(record: DeploymentRecord, redact: Callable[[str], str]) -> dict[str, Any]:
    """Return the payload of a new deployment; every reader of the repository can read it."""
    known = {name: value for name, value in record.to_json().items() if value and name not in _LATER}
    if record.reason:
        known["reason"] = redact(record.reason)
    return {"ci_ops": SCHEMA, "revision": record.revision, **known}


def status_line(record: DeploymentRecord) -> str:
    """Return the description of the status for the record's state."""
    line = f"{record.state} {record.short_revision} {record.id}"
    return f"{line}: {record.error}" if record.error and record.state is not State.VERIFIED else line


def described(text: str) -> str:
    """Return a description that GitHub accepts: one line, 140 characters, none of four bytes (else 422)."""
    text = _BEYOND.sub("\ufffd", one_line(text))
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"


def web_address(address: str) -> str:
    """Return the address if it is one for a browser, else empty; GitHub refuses others (422)."""
    return address if address.startswith(("https://", "http://")) else ""


def as_shown(identity: DeploymentRecord, statuses: Iterable[Shown]) -> DeploymentRecord:
    """Return the record in the state that its statuses, newest first, show.

    Our own words decide, the newest first; somebody else's failure counts as
    one, their success does not count as a verification.
    """
    listed = tuple(statuses)
    verified = (status.at for status in listed if _own_words(identity, status)[0] is State.VERIFIED)
    identity = replace(identity, verified_at=next(verified, None))
    foreign = State.PLANNED
    for status in listed:
        state, why = _own_words(identity, status)
        if state is None and status.state in {"failure", "error"}:
            state, why = State.FAILED, status.description
        if state is not None:
            return identity.with_state(state, at=None if state in UNDER_WAY else status.at, error=why)
        if foreign is State.PLANNED:
            foreign = _FOREIGN.get(status.state, State.PLANNED)
    return replace(identity, state=foreign)


def _own_words(identity: DeploymentRecord, status: Shown) -> tuple[State | None, str]:
    """Return the state and cause in a status of ours; None if it is foreign or contradicts itself."""
    words = _DESCRIPTION.fullmatch(status.description)
    if words is None or (words["sha7"], words["id"]) != (identity.short_revision, identity.id):
        return None, ""
    state = next((each for each in State if each == words["state"]), None)
    if state is None or status.state != SHOWN_AS[state]:
        return None, ""
    return state, words["why"] or ""


def identity_of(deployment: Deployment, environment: str) -> DeploymentRecord | None:
    """Return the record in a deployment's payload, its state unknown; None for a foreign one.

    None when it is not ours.

    A payload may come from anybody who may write deployments, so what becomes
    the name of a folder or an address is checked. Raises LedgerError for one
    that a newer version wrote.
    """
    from github import BadAttributeException  # noqa: PLC0415 - whoever hands in a deployment has loaded it

    try:
        payload = deployment.payload
    except BadAttributeException:  # a text, as other tools write it
        return None
    schema = payload.get("ci_ops") if payload else None
    if not isinstance(schema, int):
        return None
    if schema > SCHEMA:
        raise LedgerError(
            f"deployment {deployment.id} was written by a newer version of ci-ops",
            kind="newer",
            hint="Use the newer version: an older one could take the wrong deployment for the last good one.",
        )
    try:
        record = DeploymentRecord.from_json({**_typed(payload), "schema": schema})
    except ValueError:
        return None
    started_at = record.started_at
    if started_at is None or started_at.tzinfo is None:
        started_at = deployment.created_at
    record = replace(record, external_id=str(deployment.id), started_at=started_at)
    is_there = is_same_environment(record.environment, environment)
    return record if is_there and _is_sound(record, deployment.sha) else None


def _typed(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a payload that have the right type."""
    return {name: value for name, value in payload.items() if name not in _LATER and _fits(name, value)}


def _fits(name: str, value: object) -> bool:
    return isinstance(value, bool if name == "had_health_document" else str)


def _is_sound(record: DeploymentRecord, sha: str) -> bool:
    return (
        is_deployment_id(record.id)
        and record.revision in {"", sha}
        and (not record.release or is_deployment_id(record.release))
        and all(_RELEASE.fullmatch(each) is not None for each in (record.previous, record.safe))
        and (not record.previous_revision or is_revision(record.previous_revision))
        and all(not address or web_address(address) for address in (record.url, record.run_url))
    )
