"""The journal of one deployment: what was planned, begun, done and undone."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.journal_file import SUFFIX, journaled
from ci_ops.core.delivery.record import DeploymentRecord, check_schema
from ci_ops.core.delivery.step import Step, StepResult, step_from_json, step_to_json
from ci_ops.core.errors import StorageError
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from ci_ops.core.ports.clock import Clock
    from ci_ops.core.ports.lines import Lines
    from ci_ops.core.ports.store import Store

log = logging.getLogger(__name__)

SCHEMA = 2
"""In schema 1 there was one generator for a journal: keys had no scope, and the first line no kind."""

DEPLOY, ROLLBACK = "deploy", "rollback"
"""Kinds of journals, and the scopes of their steps' keys."""
REFUSED = "refused"
"""Outcome of a deployment that a ledger did not open: no step of it was begun."""


class Mark(StrEnum):
    """The words of the journal; each is one line."""

    BEGUN = "begun"
    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNDOING = "undoing"
    UNDONE = "undone"
    APPLIED = "applied"
    """Every step is done: the new release is whole, and not verified yet."""
    ENDED = "ended"
    """Nothing more will be written for this deployment's steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """The journaled state of one step."""

    key: str
    """The step's own key below the scope of its generator, such as `deploy/switch`."""
    step: Step
    mark: Mark
    result: StepResult | None = None

    @property
    def may_have_changed(self) -> bool:
        """True when the step was begun and its change was not undone."""
        return self.step.changes and self.mark not in {Mark.PLANNED, Mark.UNDONE}


class Journal:
    """An append-only file of lines, read once and then kept in step with every write.

    Raises ValueError when a line cannot be read: an unreadable journal is never taken for an empty
    one.
    """

    def __init__(self, lines: Lines, clock: Clock, *, deployment: str) -> None:
        self._lines = lines
        self._clock = clock
        self.deployment = deployment
        self.record: DeploymentRecord | None = None
        self.kind = ""
        """What it is the journal of: `deploy` or `rollback`."""
        self.owner = ""
        """The run that began it; a later step of the same run may take it up."""
        self.outcome = ""
        """What `end` said: the state it was closed with; empty while it is open."""
        self.is_applied = False
        self.is_undoing = False
        self._entries: dict[str, Entry] = {}
        self._unwritten: list[str] = []
        for number, line in enumerate(lines.read(), 1):
            self._take(line, number)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The steps in the order in which they were planned."""
        return tuple(self._entries.values())

    @property
    def is_open(self) -> bool:
        """True between the first line and the end."""
        return self.record is not None and not self.outcome

    @property
    def is_unfinished(self) -> bool:
        """True when a run stopped halfway: neither complete nor undone, or a rollback without proof."""
        is_unproven = self.kind == ROLLBACK
        return self.is_open and (self.is_undoing or not self.is_applied or is_unproven)

    @property
    def has_touched(self) -> bool:
        """True when a step that may touch the live release was started, even if undone since."""
        return any(
            entry.step.changes and not entry.step.prepares and entry.mark is not Mark.PLANNED
            for entry in self.entries
        )

    @property
    def to_undo(self) -> tuple[Entry, ...]:
        """Return the steps that may have changed something and were not undone, latest first."""
        return tuple(entry for entry in reversed(self._entries.values()) if entry.may_have_changed)

    def entry(self, key: str) -> Entry | None:
        """Return the state of the step with that key."""
        return self._entries.get(key)

    def begin(self, record: DeploymentRecord, *, owner: str, token: int = 0) -> None:
        """Write the first line; `token` is the fencing token of the lease under which it is written."""
        self._write(
            Mark.BEGUN, must=True, kind=_kind(record), record=record.to_json(), owner=owner, token=token
        )

    def plan(self, key: str, step: Step, *, must: bool = True) -> None:
        """Write a planned step. Raises StorageError if it `must` be on the disk first."""
        self._write(Mark.PLANNED, must=must, key=key, step=step_to_json(step))

    def mark(self, mark: Mark, key: str, result: StepResult | None = None, *, must: bool = False) -> None:
        """Write the state of a planned step; a failed write is retried with the next line.

        Raises StorageError if it `must` be on the disk first.
        """
        more = {"result": result.to_json()} if result else {}
        self._write(mark, must=must, key=key, **more)

    def applied(self) -> None:
        """Write that every step is done."""
        self._write(Mark.APPLIED)

    def end(self, outcome: str) -> None:
        """Close the journal: verified, failed, rolled-back, superseded or refused."""
        self._write(Mark.ENDED, outcome=outcome)

    def _write(self, mark: Mark, *, must: bool = False, **more: Any) -> None:
        log.debug("journal %s: %s %s", self.deployment, mark, more.get("key", more.get("outcome", "")))
        document = {
            "schema": SCHEMA,
            "at": self._clock.now().isoformat(),
            "deployment": self.deployment,
            "mark": str(mark),
            **more,
        }
        line = json.dumps(document, ensure_ascii=True)
        self._unwritten.append(line)
        try:
            self._catch_up()
        except StorageError:
            if must:
                self._unwritten.pop()
                raise
        self._take(line, 0)

    def _catch_up(self) -> None:
        while self._unwritten:
            self._lines.append(self._unwritten[0])
            del self._unwritten[0]

    def _take(self, line: str, number: int) -> None:
        try:
            document = parse_json(line)
            check_schema(document, SCHEMA)
            if document["schema"] < SCHEMA:
                document = self._as_written_today(document)
            self._apply(Mark(document["mark"]), document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"journal of {self.deployment}, line {number}: {error}") from error

    def _as_written_today(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return a line of schema 1 in the current schema."""
        if document["mark"] == Mark.BEGUN:
            return document | {"kind": _kind(DeploymentRecord.from_json(document["record"]))}
        return document | {"key": f"{self.kind}/{document['key']}"} if "key" in document else document

    def _apply(self, mark: Mark, document: dict[str, Any]) -> None:
        if mark is Mark.BEGUN:
            self.record = DeploymentRecord.from_json(document["record"])
            self.kind = document["kind"]
            if self.kind != _kind(self.record):
                raise ValueError(f"a journal of kind {self.kind!r} cannot hold a {self.record.kind}")
            self.owner = document["owner"]
        elif mark is Mark.PLANNED:
            key, step = _text(document["key"]), step_from_json(document["step"])
            self._entries[key] = Entry(key=key, step=step, mark=mark)
        elif mark is Mark.APPLIED:
            self.is_applied = True
        elif mark is Mark.ENDED:
            self.outcome = document["outcome"]
        else:
            self.is_undoing = self.is_undoing or mark in {Mark.UNDOING, Mark.UNDONE}
            known = self._entries[document["key"]]
            result = StepResult.from_json(document["result"]) if "result" in document else known.result
            self._entries[known.key] = Entry(key=known.key, step=known.step, mark=mark, result=result)


def _text(value: object) -> str:
    """Return the value. Raises TypeError unless it is a text."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {value!r}")
    return value


def _kind(record: DeploymentRecord) -> str:
    """Return the kind of journal for a record; a journal of another kind must not be undone as it."""
    return ROLLBACK if record.kind == "rollback" else DEPLOY


def open_journal(store: Store, clock: Clock, deployment: str) -> Journal:
    """Return the journal of that deployment, empty when it has none yet."""
    return Journal(store.lines(deployment + SUFFIX), clock, deployment=deployment)


def latest_journal(store: Store, clock: Clock) -> Journal | None:
    """Return the journal that was begun last; None if there is none.

    Only this one can be unfinished: a deployment settles its predecessor's, under the lock, before
    it begins its own. A file whose first line was torn off contains nothing that was begun.
    """
    journals = (open_journal(store, clock, identity) for identity in reversed(journaled(store)))
    return next((journal for journal in journals if journal.record is not None), None)
