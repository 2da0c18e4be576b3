"""The last report of this environment, for the next command of the same job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status
from ci_ops.core.report import REPORT_SCHEMA, Report
from ci_ops.flows._run import problem_lines

if TYPE_CHECKING:
    from ci_ops.core.ports import Store

FILE = "last-report.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class LastReport:
    """What a later command needs of an earlier one's report."""

    command: str
    status: Status
    reason: str
    sentence: str
    record: DeploymentRecord | None
    lines: tuple[str, ...] = ()
    """What failed and what to do, one line each."""

    @property
    def went_back(self) -> bool:
        """True when the last thing that happened was a way back."""
        return self.command == "rollback" or self.reason in {"rolled-back", "rollback-failed"}


def keep_last_report(store: Store, report: Report) -> None:
    """Write the report down for the next command."""
    document = report.to_json() | {"lines": list(problem_lines((*report.results, *report.proof)))}
    store.write(FILE, json.dumps(document, ensure_ascii=True))


def read_last_report(store: Store) -> LastReport | None:
    """The last report; None when there is none that can be read here."""
    text = store.read(FILE)
    try:
        document: dict[str, Any] = json.loads(text) if text else {}
        if document.get("schema") != REPORT_SCHEMA:
            return None
        record = document["record"]
        return LastReport(
            command=document["command"],
            status=Status(document["status"]),
            reason=document["reason"],
            sentence=document["sentence"],
            record=DeploymentRecord.from_json(record) if record else None,
            lines=tuple(document["lines"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
