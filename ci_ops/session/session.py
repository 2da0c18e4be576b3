"""A session: one call, and the job that serves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.ports.forge import Forge
from ci_ops.edge.runner import Runner
from ci_ops.flows._job import Job
from ci_ops.session.call import Call

if TYPE_CHECKING:
    from ci_ops.core.report import Report

Flow = Callable[[Job], "Report"]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A call, the job that its flow receives, and what is needed to close it."""

    call: Call
    job: Job
    runner: Runner
    state_folder: Path
    remote: Forge | None = None
    """Where commit statuses are shown; None without a token. It must be closed at the end."""

    @property
    def reports(self) -> tuple[Path, ...]:
        """The files that the report is written to."""
        return tuple(Path(each) for each in self.call.get("report", ()))

    def dispose(self) -> None:
        """Close connections and write the deferred annotations."""
        self.runner.close()
        if self.remote is not None:
            self.remote.close()
