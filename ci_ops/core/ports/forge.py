"""The port to the forge that hosts the repository."""

from __future__ import annotations

from typing import Literal, Protocol

from ci_ops.core.health.status import Status

CommitState = Literal["error", "failure", "pending", "success"]
"""The states that a commit can be shown in."""


class Forge(Protocol):
    """The forge that hosts the repository; its deployments are a separate Ledger."""

    def commit_status(
        self, sha: str, *, context: str, state: CommitState, description: str, url: str = ""
    ) -> None:
        """Set a commit status by name; the last one of a name is shown. Raises LedgerError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def commit_state(status: Status | None) -> CommitState:
    """Return the state that a commit status shows for that status: pending where there is none yet.

    A skip is an error there: what was not measured is never shown as success.
    """
    if status is None:
        return "pending"
    if status.is_good:
        return "success"
    return "failure" if status is Status.FAIL else "error"
