"""A job under way, with what is needed to end it in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.edge.runner import Runner
from ci_ops.flows._job import Job

if TYPE_CHECKING:
    from ci_ops.edge.github import GitHub  # noqa: TC004 - its import loads PyGithub; only typed here


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A job, and what is needed to close it again."""

    job: Job
    runner: Runner
    state_folder: Path
    format_name: str = ""
    reports: tuple[Path, ...] = ()
    remote: GitHub | None = None
    """The client that has to be closed at the end; None without a token."""

    def dispose(self) -> None:
        """Give connections and held annotations back."""
        self.runner.close()
        if self.remote is not None:
            self.remote.close()
