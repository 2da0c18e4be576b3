"""The record of one deployment or rollback: what, where, by whom, and its outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from ci_ops.core.delivery.field_types import check_written

SCHEMA = 1
"""Major version of the written form; readers accept this and the one before."""

_REVISION = re.compile(r"[0-9a-f]{40}")
_ID_TIME = "%Y%m%dT%H%M%SZ"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{7}")


class State(StrEnum):
    """The state of a deployment; only verification writes `verified`."""

    PLANNED = "planned"
    RUNNING = "running"
    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    INTERRUPTED = "interrupted"


UNDER_WAY = frozenset({State.PLANNED, State.RUNNING})
"""States of a deployment that has not ended yet."""


def is_revision(text: str) -> bool:
    """Return True for a full commit id: 40 lower-case hexadecimal digits."""
    return _REVISION.fullmatch(text) is not None


def is_deployment_id(text: str) -> bool:
    """Return True for an id in the form of `new_id`; safe as the name of a folder."""
    return _ID.fullmatch(text) is not None


def new_id(now: datetime, revision: str, *, after: str = "") -> str:
    """Return a deployment's id from UTC time and short revision; sortable, safe as a folder name.

    `after` is the newest existing id: the new one sorts after it, even when both fall into one
    second or the clock was set back.
    """
    short = revision[:7] if revision else "0000000"
    if is_deployment_id(after):
        newest = datetime.strptime(after[:16], _ID_TIME).replace(tzinfo=UTC)
        now = max(now, newest + timedelta(seconds=1))
    return f"{now.astimezone(UTC).strftime(_ID_TIME)}-{short}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentRecord:
    """The data of one deployment; a change creates a new value."""

    id: str
    service: str
    environment: str
    revision: str
    """40 hex digits; empty when the caller knows none."""
    kind: str = "deployment"
    """`deployment` or `rollback`."""
    type: str = "standard"
    ref: str = ""
    version: str = ""
    release: str = ""
    """Id of the deployment whose release this is: its own, or the one a rollback went back to."""
    previous: str = ""
    """The release to go back to; empty for the first deployment."""
    previous_revision: str = ""
    had_health_document: bool = False
    """True when the service answered a health document before: then a page of HTML there is a failure."""
    safe: str = ""
    """The release that was verified last before this one: `rollback` may want it, so it is kept."""
    actor: str = ""
    run_url: str = ""
    url: str = ""
    """The service's address, for whoever verifies without one of their own."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    verified_at: datetime | None = None
    """When its verification last passed; None for a release that was never verified."""
    state: State = State.PLANNED
    reason: str = ""
    """Why it was done (a rollback's stated reason) or how it ended."""
    error: str = ""
    external_id: str = field(default="", compare=False)
    """The id in an outside ledger (a forge's deployment id); empty for none."""

    @property
    def duration_seconds(self) -> float | None:
        """Return the seconds from start to finish; None while it runs."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def release_id(self) -> str:
        """The name of the release's folder, which identifies what runs."""
        return self.release or self.id

    @property
    def short_revision(self) -> str:
        """Return the first seven digits of the commit; `unknown` for none."""
        return self.revision[:7] or "unknown"

    def with_state(self, state: State, *, at: datetime | None = None, **changes: Any) -> DeploymentRecord:
        """Return the record in a new state; `at` sets the time of finishing, and of a verification."""
        finished = at or self.finished_at
        verified = finished if state is State.VERIFIED else self.verified_at
        return replace(self, state=state, finished_at=finished, verified_at=verified, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with its schema version."""
        document: dict[str, Any] = {"schema": SCHEMA}
        for each in fields(self):
            value = getattr(self, each.name)
            document[each.name] = _plain(value)
        document["duration_seconds"] = self.duration_seconds
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> DeploymentRecord:
        """Parse the JSON form. Raises ValueError when it is invalid."""
        check_schema(document)
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in document.items() if name in known}
        try:
            values["state"] = State(values.get("state", "planned"))
            for name in ("started_at", "finished_at", "verified_at"):
                values[name] = _time(values[name]) if values.get(name) else None
            check_written(cls, values)
            return cls(**values)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"not a deployment record: {error}") from error


def check_schema(document: Any, newest: int = SCHEMA) -> None:
    """Raise ValueError unless the document's major version is the newest or the one before."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int) or not newest - 1 <= schema <= newest:
        raise ValueError(
            f"schema {schema!r} is not one this version of ci-ops reads ({newest - 1} or {newest})"
        )


def _time(text: str) -> datetime:
    """Parse a time, which must have a zone: times without one cannot be compared with others."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, StrEnum) else value
