"""The forge that holds the repository: what reviewers of a commit are shown there."""

from __future__ import annotations

from typing import Literal, Protocol

from ci_ops.core.health.status import Status

CommitState = Literal["error", "failure", "pending", "success"]
"""The states that a commit can be shown in."""


class Forge(Protocol):
    """The forge that holds the repository; its deployments are a Ledger beside this."""

    def commit_status(
        self, sha: str, *, context: str, state: CommitState, description: str, url: str = ""
    ) -> None:
        """Show a state under a name of its own; the last one of a name holds. Raises LedgerError."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


def commit_state(status: Status | None) -> CommitState:
    """Return the state that shows that answer on a commit: pending where there is none yet.

    A skip is an error there: what was not measured is never shown as success.
    """
    if status is None:
        return "pending"
    if status.is_good:
        return "success"
    return "failure" if status is Status.FAIL else "error"
