"""History: the recorded deployments of an environment, with what is measured to be live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.text.lines import map_texts
from ci_ops.core.traits import Traits
from ci_ops.flows._history import History, unseen
from ci_ops.flows._live import UNRECORDED, Live, measure_live
from ci_ops.flows._run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.flows._job import Job

TRAITS = Traits(command="history", uses=frozenset(), answers_from_ledger=True)
HISTORY_SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The newest deployments, newest first, and which release is live."""

    service: str
    environment: str
    records: tuple[DeploymentRecord, ...]
    live: Live | None
    """What was measured; None where it was not asked for, or neither target nor service could tell."""
    notes: tuple[str, ...] = ()

    def is_live(self, record: DeploymentRecord) -> bool:
        """Return True for the deployment whose release was measured to be live."""
        return self.live is not None and record.id == self.live.release

    def redacted(self, redact: Callable[[str], str]) -> Listing:
        """Return the listing redacted text by text: redacting the finished document could break its syntax."""
        return replace(self, records=map_texts(self.records, redact), notes=map_texts(self.notes, redact))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with its schema version."""
        live = self.live
        is_recorded = live is not None and live.release not in {"", UNRECORDED}
        return {
            "schema": HISTORY_SCHEMA,
            "service": self.service,
            "environment": self.environment,
            "live": live
            and {
                "release": live.release if is_recorded else "",
                "revision": live.revision,
                "vacant": live.is_vacant,
            },
            "deployments": [
                {**each.to_json(), "live": self.is_live(each) if live else None} for each in self.records
            ],
            "notes": list(self.notes),
        }


def history(job: Job, limit: int, *, measure: bool = True) -> Listing:
    """Return the newest `limit` records; `measure` adds which release is live.

    Raises Inconclusive where no ledger can be read that outlives the job.
    """
    run, recorded = Run(job, "history"), History(job)
    records = tuple(islice(recorded, limit))
    if not records and job.site.unread:
        raise unseen("the deployments of this environment", job.site.unread)
    live = measure_live(run, recorded) if measure else None
    if live is not None and not live.is_measured:
        if records:
            run.note("What is live was not measured: neither the target nor the service reports it.")
        live = None
    elif live is not None and live.release == UNRECORDED:
        run.note(f"What is live is in no record: {live.revision[:7] or 'its commit is unknown'}.")
    if job.site.unread:
        run.note(f"There may be more deployments than these: {job.site.unread}.")
    return Listing(
        service=job.config.service,
        environment=job.environment,
        records=records,
        live=live,
        notes=tuple(job.notes),
    )
