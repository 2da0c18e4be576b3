"""The last report of this environment, for later commands of the same job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import REPORT_SCHEMA, Report
from ci_ops.core.text.json_document import parse_json
from ci_ops.flows._run import problem_lines

if TYPE_CHECKING:
    from ci_ops.core.ports.store import Store

FILE = "last-report.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class LastReport:
    """The part of a report that later commands of the job need."""

    command: str
    status: Status
    reason: str
    sentence: str
    record: DeploymentRecord | None
    lines: tuple[str, ...] = ()
    """What failed and what to do, one line each."""

    @property
    def is_rollback(self) -> bool:
        """True when the last operation was a rollback."""
        reason = REASONS.get(self.reason)
        if reason is not None and reason.is_rollback:
            return True
        return self.command == "rollback" and self.reason != "unchanged" and self.status.is_good


def keep_last_report(store: Store, report: Report, *, job: str) -> None:
    """Save the report for later commands of that job (`Origin.job`)."""
    lines = list(problem_lines((*report.results, *report.proof)))
    document = report.to_json() | {"lines": lines, "job": job}
    store.write(FILE, json.dumps(document, ensure_ascii=True))


def read_last_report(store: Store, *, job: str) -> LastReport | None:
    """Return the last report of that job; None when none is readable here.

    A state folder may outlive a job, so reports of other jobs are ignored.
    """
    text = store.read(FILE)
    try:
        document: dict[str, Any] = parse_json(text) if text else {}
        if document.get("schema") != REPORT_SCHEMA or document.get("job") != job:
            return None
        record = document["record"]
        return LastReport(
            command=document["command"],
            status=Status(document["status"]),
            reason=document["reason"],
            sentence=document["sentence"],
            record=DeploymentRecord.from_json(record) if record and "id" in record else None,
            lines=tuple(document["lines"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
