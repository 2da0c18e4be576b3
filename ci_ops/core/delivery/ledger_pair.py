"""Two synchronized ledgers: the one beside the target, and that of a forge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.ledger import Ledger, LedgerError, any_record
from ci_ops.core.delivery.record import UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ci_ops.core.delivery.record import DeploymentRecord


class LedgerPair(Ledger):
    """Writes to both; reads the one that outlives the runner.

    A remote ledger that the token may not write is left out with a note. A remote failure after a
    deployment has been opened is a note too: stopping at that point would leave production half
    deployed. `is_strict` is for commands whose result is the ledger itself: every failure is
    raised.
    """

    def __init__(
        self,
        local: Ledger,
        remote: Ledger,
        *,
        remote_name: str,
        local_lasts: bool,
        note: Callable[[str], None],
        is_strict: bool = False,
    ) -> None:
        self._local = local
        self._remote: Ledger | None = remote
        self._remote_name = remote_name
        self._local_lasts = local_lasts
        self._note = note
        self._is_strict = is_strict
        self._unopened: set[str] = set()
        """Deployments of this run that the remote ledger could not open."""

    def open(self, record: DeploymentRecord) -> DeploymentRecord:
        """Open the deployment in both.

        The remote ledger is left out when a permission is missing, and when it fails while the
        local one is durable, which is then authoritative. If only the first status fails, the
        deployment is open: that is a note.
        """
        if self._remote is not None:
            try:
                record = self._remote.open(record)
            except LedgerError as error:
                if error.opened is not None:
                    record = error.opened
                    self._note(
                        f"{record.id} could not be recorded as {record.state} in {self._remote_name}: {error.what}"
                    )
                elif self._local_lasts and not error.is_skip:
                    self._unopened.add(record.id)
                    self._note(f"{record.id} could not be recorded in {self._remote_name}: {error.what}")
                else:
                    self._leave_out(error)
        return self._local.open(record)

    def update(self, record: DeploymentRecord) -> DeploymentRecord:
        """Write the state to both; the remote one may know the deployment by our id alone."""
        if self._remote is not None:
            try:
                if record.id in self._unopened:
                    record = self._remote.open(record)
                    self._unopened.discard(record.id)
                record = self._remote.update(record)
            except LedgerError as error:
                if self._is_strict:
                    raise
                self._note(
                    f"{record.id} could not be recorded as {record.state} in {self._remote_name}: {error.what}"
                )
        return self._local.update(self._local.open(record))

    def close_stale(self, environment: str) -> tuple[DeploymentRecord, ...]:
        """Close deployments that the remote ledger knows to be over; note a missing permission to see runs."""
        if self._remote is None:
            return ()
        try:
            return self._remote.close_stale(environment)
        except LedgerError as error:
            hint = f" {error.hint}" if error.is_skip else ""
            self._note(
                f"Deployments that earlier runs left open on {self._remote_name} stay open: {error.what}.{hint}"
            )
            return ()

    def records(
        self, environment: str, where: Callable[[DeploymentRecord], bool] = any_record
    ) -> Iterator[DeploymentRecord]:
        """Yield the environment's deployments, newest first, each once."""
        given: set[str] = set()
        if self._remote is not None and not self._local_lasts:
            here = {record.id: record for record in self._local.records(environment)}
            try:
                for record in self._remote.records(environment, where):
                    given.add(record.id)
                    yield _later(record, here.get(record.id, record))
            except LedgerError as error:
                self._leave_out(error)
            else:
                return
        for record in self._local.records(environment, where):
            if record.id not in given:
                yield record

    def _leave_out(self, error: LedgerError) -> None:
        if self._is_strict or not error.is_skip:
            raise error
        self._remote = None
        self._note(f"{self._remote_name}'s deployments are left out: {error.what}. {error.hint}")


def _later(remote: DeploymentRecord, local: DeploymentRecord) -> DeploymentRecord:
    """Return the record with the later state: a status lost in transit leaves the remote one in progress."""
    is_lost = remote.state in UNDER_WAY and local.state not in UNDER_WAY
    return replace(local, external_id=remote.external_id) if is_lost else remote
