"""The recorded deployments of one service and environment, newest first."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import Journal, open_journal
from ci_ops.core.delivery.journal_file import SUFFIX
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import Inconclusive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.flows._job import Job

LIMIT = 200
"""Deployments that are read at most: a remote ledger answers one record a request."""

_UNDECIDED = frozenset({State.RUNNING, State.UNVERIFIED, State.FAILED, State.INTERRUPTED})
_WITHOUT_EFFECT = frozenset({State.PLANNED, State.ROLLED_BACK})


class History:
    """The ledger's records, completed by the local journals.

    They are read as they are asked for and kept: what is needed after a change
    must be asked for before it.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._coming = islice(job.site.ledger.records(job.environment), LIMIT)
        self._read: list[DeploymentRecord] = []
        self._journals = frozenset(job.site.store.names(SUFFIX))

    def __iter__(self) -> Iterator[DeploymentRecord]:
        index = 0
        while True:
            if index == len(self._read):
                record = next(self._coming, None)
                if record is None:
                    return
                self._read.append(self._with_journal(record))
            yield self._read[index]
            index += 1

    @property
    def newest_id(self) -> str:
        """The id of the newest record; empty where there is none."""
        return next((each.id for each in self), "")

    def is_before(self, one: DeploymentRecord, other: DeploymentRecord) -> bool:
        """Return True where the first was recorded before the other."""
        return next((each.id for each in self if each.id in {one.id, other.id}), one.id) != one.id

    def latest(self) -> DeploymentRecord | None:
        """Return the newest record of a deployment or rollback that may have made its release live."""
        return next((each for each in self if each.state not in _WITHOUT_EFFECT), None)

    def deployment(self, release: str) -> DeploymentRecord | None:
        """Return the deployment that created that release; None when it is not recorded."""
        return next((each for each in self if each.id == release), None) if release else None

    def find(self, name: str) -> DeploymentRecord | None:
        """Return the record with that id, of ci-ops or of the remote ledger; without the others' states."""
        ledger = self._job.site.ledger
        found = ledger.records(self._job.environment, lambda each: name in {each.id, each.external_id})
        record = next(iter(found), None)
        return self._with_journal(record) if record is not None else None

    def of_release(self, release: str) -> tuple[DeploymentRecord, ...]:
        """Return the deployment of that release and every later rollback to it, newest first."""
        found: list[DeploymentRecord] = []
        for each in self:
            if each.release_id == release:
                found.append(each)
            if each.id == release:
                break
        return tuple(found)

    def _with_journal(self, record: DeploymentRecord) -> DeploymentRecord:
        """Return the record with the state of its journal: a run may have died before it was recorded."""
        if record.state not in _UNDECIDED or record.id + SUFFIX not in self._journals:
            return record
        try:
            journal = open_journal(self._job.site.store, self._job.world.clock, record.id)
        except ValueError:
            return record
        return as_journaled(record, journal)


def as_journaled(record: DeploymentRecord, journal: Journal) -> DeploymentRecord:
    """Return the record in the state that its journal proves; unchanged if it proves nothing newer."""
    if journal.outcome == State.VERIFIED and record.verified_at is not None:
        return record  # the ledger has that verification already, and what followed it
    if journal.outcome == State.VERIFIED:
        return replace(record, state=State.VERIFIED, verified_at=record.verified_at or record.started_at)
    if journal.outcome == State.ROLLED_BACK or not (journal.is_applied or journal.has_touched):
        return replace(record, state=State.ROLLED_BACK)
    if journal.outcome == State.FAILED:
        return replace(record, state=State.FAILED)
    if record.state is State.RUNNING and journal.is_applied and not journal.is_undoing:
        return replace(record, state=State.UNVERIFIED)
    return record


def unseen(what: str, why: str) -> Inconclusive:
    """Return the error for a command that has no readable ledger."""
    return Inconclusive(
        f"{what} cannot be read: {why}",
        where="ledger",
        hint="Give the input `token`, with `deployments: read`, or run it on the host of the releases "
        "with the variables of its target.",
    )
