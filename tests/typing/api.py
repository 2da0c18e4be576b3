"""The public names as a caller types them; checked by mypy, never run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ci_ops
from ci_ops import Call, Check, Report, Result, Session, Status
from ci_ops.core.plugin import Phase
from ci_ops.core.ports.world import World
from ci_ops.core.subject import Subject


def verified(url: str) -> bool:
    """Return whether the service at `url` verifies."""
    session: Session = ci_ops.open_job(Call.of("verify", {"url": url}), os.environ, root=Path())
    try:
        report: Report = ci_ops.verify(session.job)
    finally:
        session.dispose()
    return report.status is Status.PASS and report.exit_code == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Tidy(Check):
    """A check of one's own."""

    phases = frozenset({Phase.READINESS})

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Look at the project's root."""
        del world
        yield Result(check="tidy", status=Status.PASS, sentence=str(subject.root), measured=1)
