"""One command: its arguments, the state before and after it, and its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.running import Outcome
from tests.model.truth import Truth


@dataclass(frozen=True, kw_only=True)
class Call:
    """A command and its options."""

    command: str
    revision: str = ""
    to: str = ""
    deployment_id: str = ""
    verify: bool = True
    force: bool = False
    is_dry: bool = False
    deadline: str = ""
    """Maximum time to wait for the release to pass, e.g. 4s; empty for one try."""
    is_repeated: bool | None = False
    """True when this job's last record is a proven rollback; None where that is unknown."""
    is_same_job: bool = False
    """True when this job deployed the live release."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One run with the state before and after it."""

    outcome: Outcome
    before: Truth
    after: Truth
    service: str
    environment: str
    is_dry: bool = False
    may_reconcile: bool = False
    """True where an earlier run was interrupted or could not write its ledger: this run may complete its records."""
    is_disturbed: bool = False
    """True where a fault was injected while it ran, or the ledger is damaged."""
    loses_ledger: bool = False
    """True where a step of it put a folder in the ledger's place."""
    has_github_fault: bool = False
    """True where GitHub answered with errors while it ran."""
    holds: bool = False
    """True where the configuration keeps a release that could not be measured."""
    is_damaged: bool = False
    """True where a line of the ledger cannot be read."""
    known_good: frozenset[str] = frozenset()
    """Ids of the releases that were verified before the run, or may have been."""
    unhealthy: frozenset[str] = frozenset()
    """Revisions whose health endpoint answers 503."""


def unexpected_changes(episode: Episode) -> Iterator[str]:
    """Yield every change of a run that must change nothing."""
    if episode.before.live != episode.after.live:
        yield f"exit {episode.outcome.code}: {episode.before.live} -> {episode.after.live}, where nothing had to change"
    if episode.before.written != episode.after.written and not episode.may_reconcile:
        yield f"exit {episode.outcome.code}: records were changed, where nothing had to change"


def unexpected_code(episode: Episode, allowed: set[int], why: str) -> Iterator[str]:
    """Yield the exit code where it is not one of those allowed."""
    if episode.outcome.code not in allowed:
        yield f"exit {episode.outcome.code} ({episode.outcome.reason}), expected {sorted(allowed)}: {why}"
