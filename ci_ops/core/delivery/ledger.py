"""The ledger of every deployment, and which of them were verified."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol

from ci_ops.core.delivery.record import SCHEMA, DeploymentRecord, State
from ci_ops.core.environment import is_same_environment
from ci_ops.core.errors import Inconclusive, UsageError
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ci_ops.core.ports.store import Store

_SHORT_REVISION = re.compile(r"[0-9a-f]{7,40}")
DEFAULT_LIMIT = 20
LEDGER_FILE = "ledger.jsonl"


class LedgerError(Inconclusive):
    """A ledger could not be read or written."""

    def __init__(
        self, what: str, *, kind: str, where: str = "", hint: str = "", permission: str = ""
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.kind = kind
        """permission, credentials, missing, conflict, merged, refused, limited, unavailable,
        unreachable, newer or foreign."""
        self.permission = permission
        """The permission that the token lacks, such as `deployments: write`; empty for other kinds."""
        self.opened: DeploymentRecord | None = None
        """The record where the deployment was opened, and only its status was refused."""

    @property
    def is_skip(self) -> bool:
        """True when the work may continue without this ledger, with a note for the reader."""
        return self.kind == "permission"


def ignore(_sentence: str) -> None:
    """Drop a note that has no reader."""


def any_record(_record: DeploymentRecord) -> bool:
    """Return True for every record."""
    return True


class Ledger(Protocol):
    """The record of all deployments: at a forge, or in a file beside the target.

    An implementation provides `open`, `update` and `records`; the other methods are derived from
    them here. Every method raises LedgerError.
    """

    def open(self, record: DeploymentRecord) -> DeploymentRecord:
        """Record a new deployment; return the record with its `external_id`.

        Opening the same id again changes nothing and returns the same.
        """
        ...

    def update(self, record: DeploymentRecord) -> DeploymentRecord:
        """Record the state of an opened deployment; return the record with its `external_id`."""
        ...

    def records(
        self, environment: str, where: Callable[[DeploymentRecord], bool] = any_record
    ) -> Iterator[DeploymentRecord]:
        """Yield the environment's deployments in their latest state, newest first and lazily.

        `where` is called before the state is known, so that a remote ledger need not fetch states
        that are not needed.
        """
        ...

    def close_stale(self, environment: str) -> tuple[DeploymentRecord, ...]:
        """Mark the open deployments of finished runs as interrupted, and return them.

        A ledger that cannot know which runs are over closes nothing.
        """
        del environment
        return ()

    def history(self, environment: str, limit: int = DEFAULT_LIMIT) -> tuple[DeploymentRecord, ...]:
        """Return the newest deployments, newest first, at most `limit`."""
        found: list[DeploymentRecord] = []
        records = self.records(environment)
        while len(found) < limit and (record := next(records, None)) is not None:
            found.append(record)
        return tuple(found)

    def find(self, environment: str, name: str) -> DeploymentRecord | None:
        """Return the deployment with that id, external id or commit; None if there is none.

        An empty name finds none. A commit may be shortened to seven digits. If it was deployed several times,
        the newest verified deployment is returned, else the newest.
        """
        name = name.strip()
        if not name:
            return None
        found = tuple(self.records(environment, lambda record: _matches_name(record, name)))
        by_id = tuple(record for record in found if name in {record.id, record.external_id})
        revisions = {record.revision for record in found}
        if not by_id and len(revisions) > 1:
            raise UsageError(
                f"{name} is the beginning of {len(revisions)} deployed commits",
                hint="Give more digits of the commit, or the deployment's id.",
            )
        chosen = by_id or found
        verified = (record for record in chosen if record.state is State.VERIFIED)
        return next(verified, chosen[0] if chosen else None)


def _matches_name(record: DeploymentRecord, name: str) -> bool:
    if name in {record.id, record.external_id}:
        return True
    return _SHORT_REVISION.fullmatch(name.lower()) is not None and record.revision.startswith(name.lower())


class JsonLinesLedger(Ledger):
    """A ledger in a file of JSON lines, one per change; the last line of an id is valid."""

    def __init__(
        self, store: Store, name: str = LEDGER_FILE, *, note: Callable[[str], None] = ignore
    ) -> None:
        self._lines = store.lines(name)
        self._name = name
        self._note = note
        self._unreadable: frozenset[int] = frozenset()

    def open(self, record: DeploymentRecord) -> DeploymentRecord:
        """Add the first line of a deployment, unless it exists."""
        if record.id not in self._read():
            self._append(record)
        return record

    def update(self, record: DeploymentRecord) -> DeploymentRecord:
        """Add a line with the deployment's new state."""
        known = self._read().get(record.id)
        if known is None:
            raise LedgerError(
                f"deployment {record.id} was never written down",
                kind="missing",
                hint="Check the deployment's id and environment; a deployment is written down when it starts.",
            )
        if known.to_json() != record.to_json():
            self._append(record)
        return record

    def records(
        self, environment: str, where: Callable[[DeploymentRecord], bool] = any_record
    ) -> Iterator[DeploymentRecord]:
        """Yield the environment's deployments, newest first."""
        for record in reversed(self._read().values()):
            if is_same_environment(record.environment, environment) and where(record):
                yield record

    def _append(self, record: DeploymentRecord) -> None:
        self._lines.append(json.dumps(record.to_json(), sort_keys=True))

    def _read(self) -> dict[str, DeploymentRecord]:
        """Return the latest state of every deployment, in the order in which they were opened."""
        latest: dict[str, DeploymentRecord] = {}
        unreadable: set[int] = set()
        for number, line in enumerate(self._lines.read(), 1):
            record = _record_in(line)
            if record is None:
                unreadable.add(number)
            else:
                latest[record.id] = record
        self._say_unreadable(frozenset(unreadable))
        return latest

    def _say_unreadable(self, numbers: frozenset[int]) -> None:
        """Note damaged lines once: their deployments are unknown, not undone."""
        if numbers <= self._unreadable:
            return
        self._unreadable = numbers
        lines = f"line{'s' if len(numbers) > 1 else ''} {', '.join(str(each) for each in sorted(numbers))}"
        self._note(f"The ledger {self._name} cannot be read at {lines}; what was recorded there is unknown.")


def _record_in(line: str) -> DeploymentRecord | None:
    """Return the record on a line; None for an unreadable line."""
    try:
        document = parse_json(line)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    if isinstance(schema := document.get("schema"), int) and schema > SCHEMA:
        raise LedgerError(
            f"the ledger was written by a newer version of ci-ops (schema {schema}, this one reads {SCHEMA})",
            kind="newer",
            hint="Use the newer version: an older one could take the wrong deployment for the last good one.",
        )
    try:
        return DeploymentRecord.from_json(document)
    except ValueError:
        return None
