"""One command: what was asked for, what was so before and after it, and what it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.running import Ran
from tests.model.truth import Truth


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a command was asked for."""

    command: str
    revision: str = ""
    to: str = ""
    deployment_id: str = ""
    verify: bool = True
    force: bool = False
    is_dry: bool = False
    deadline: str = ""
    """How long a release may take to be good; empty for one try."""
    is_done_before: bool | None = False
    """True when this job's last record is a proven rollback; None where that may be unknown."""
    is_same_job: bool = False
    """True when the live release was deployed by this very job."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One run, with what was so before and after it."""

    ran: Ran
    before: Truth
    after: Truth
    service: str
    environment: str
    is_dry: bool = False
    may_settle: bool = False
    """True where an earlier run was cut off or lost its ledger: this one may have brought that to an end."""
    is_disturbed: bool = False
    """True where something went wrong in its world while it ran."""
    is_without_github: bool = False
    """True where GitHub did not answer well while it ran."""
    holds: bool = False
    """True where a release that could not be measured is kept."""
    is_damaged: bool = False
    """True where a line of the ledger cannot be read."""
    known_good: frozenset[str] = frozenset()
    """Ids of the releases that were verified before, or may have been."""
    sick: frozenset[str] = frozenset()
    """Revisions that answer 503 where health is asked, whatever else they do."""


def changes(episode: Episode) -> Iterator[str]:
    """What a run that changes nothing must leave alone."""
    if episode.before.live != episode.after.live:
        yield f"exit {episode.ran.code}: {episode.before.live} -> {episode.after.live}, where nothing had to change"
    if episode.before.written != episode.after.written and not episode.may_settle:
        yield f"exit {episode.ran.code}: records were changed, where nothing had to change"


def wrong_code(episode: Episode, allowed: set[int], why: str) -> Iterator[str]:
    if episode.ran.code not in allowed:
        yield f"exit {episode.ran.code} ({episode.ran.reason}), expected {sorted(allowed)}: {why}"
