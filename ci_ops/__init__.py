"""Deployment safety: readiness, deploy, verify, notify, rollback.

The names below are loaded when they are first used, so `import ci_ops` costs
nothing and needs nothing:

    deploy, verify, rollback, readiness, notify   the flows: a Job in, a Report out
    open_job, Call, Session                       from a command and its options to a Job
    load                                          ci-ops.yml → Config, or every problem in it
    Status, Result, Finding, Report               what was found out
    DeploymentRecord, Event, Delivery             what happened, and what was delivered
    Check, Target, Channel, Format                what a plugin answers

Map of the house: cli → session → flows → families (checks, targets, channels, formats) →
core; edge implements core's ports; service is for the deployed application.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.9.0"

_HOMES = {
    "deploy": "ci_ops.flows.deploy",
    "verify": "ci_ops.flows.verify",
    "rollback": "ci_ops.flows.rollback",
    "readiness": "ci_ops.flows.readiness",
    "notify": "ci_ops.flows.notify",
    "open_job": "ci_ops.session.open",
    "Call": "ci_ops.session.call",
    "Session": "ci_ops.session.session",
    "load": "ci_ops.config.load",
    "Status": "ci_ops.core.health.status",
    "Result": "ci_ops.core.result",
    "Finding": "ci_ops.core.result",
    "Report": "ci_ops.core.report",
    "DeploymentRecord": "ci_ops.core.delivery.record",
    "Event": "ci_ops.core.event",
    "Delivery": "ci_ops.core.event",
    "Check": "ci_ops.core.plugin",
    "Target": "ci_ops.core.plugin",
    "Channel": "ci_ops.core.plugin",
    "Format": "ci_ops.core.plugin",
}

if TYPE_CHECKING:
    from ci_ops.config.load import load
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.event import Delivery, Event
    from ci_ops.core.health.status import Status
    from ci_ops.core.plugin import Channel, Check, Format, Target
    from ci_ops.core.report import Report
    from ci_ops.core.result import Finding, Result
    from ci_ops.flows.deploy import deploy
    from ci_ops.flows.notify import notify
    from ci_ops.flows.readiness import readiness
    from ci_ops.flows.rollback import rollback
    from ci_ops.flows.verify import verify
    from ci_ops.session.call import Call
    from ci_ops.session.open import open_job
    from ci_ops.session.session import Session

__all__ = [
    "Call",
    "Channel",
    "Check",
    "Delivery",
    "DeploymentRecord",
    "Event",
    "Finding",
    "Format",
    "Report",
    "Result",
    "Session",
    "Status",
    "Target",
    "__version__",
    "deploy",
    "load",
    "notify",
    "open_job",
    "readiness",
    "rollback",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
