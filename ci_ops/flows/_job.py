"""The input of every flow: configuration, world and origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ci_ops.config.model import Config
from ci_ops.core.delivery.journal_file import journaled
from ci_ops.core.delivery.ledger import Ledger
from ci_ops.core.delivery.record import DeploymentRecord, new_id
from ci_ops.core.errors import Problem
from ci_ops.core.event import Sink
from ci_ops.core.git import Refusal
from ci_ops.core.pace import Pace
from ci_ops.core.ports.lease import Lease
from ci_ops.core.ports.store import Store
from ci_ops.core.ports.world import World
from ci_ops.core.subject import Subject
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from datetime import datetime

    from ci_ops.core.ports.listeners import Servers
    from ci_ops.core.report import StepOutcome
    from ci_ops.core.result import Result


class Progress(Protocol):
    """The receiver of progress while a flow works."""

    def phase(self, title: str) -> None:
        """Report the begin of a phase."""
        ...

    def begin(self, title: str) -> None:
        """Report the begin of a step."""
        ...

    def step(self, outcome: StepOutcome) -> None:
        """Report a finished step."""
        ...

    def result(self, result: Result) -> None:
        """Report the result of a check."""
        ...

    def retry(self, check: str, sentence: str, left_seconds: float) -> None:
        """Report a check that is being retried, and the time that is left."""
        ...

    def note(self, sentence: str) -> None:
        """Report a note for the reader."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The origin of a run: the runner's context or the local user; empty where unknown."""

    event: str = ""
    """What started the run, such as `push` or `pull_request`."""
    pull_request: int | None = None
    is_fork: bool = False
    """True for a pull request from another repository."""
    revision: str = ""
    """The commit in question: what was asked for, else what is checked out."""
    head: str = ""
    """The commit that is checked out, on which every check looks; empty without a checkout."""
    no_head: Refusal | None = None
    """Why no commit is known to be checked out; None where one is, or where it does not matter."""
    published: frozenset[str] = frozenset()
    """Commits that the run's event names, and that GitHub has for sure."""
    ref: str = ""
    actor: str = ""
    """Who started the first attempt of the run."""
    triggering_actor: str = ""
    """Who started this attempt: after a re-run, not the actor."""
    attempt: int = 1
    run_url: str = ""
    owner: str = ""
    """Names the attempt of the run; a later step of it may resume its journal."""
    job: str = ""
    """Names the job of that attempt; a later step of it may speak of what it did."""
    job_name: str = ""
    """Workflow and job, as people know them."""

    @property
    def operator(self) -> str:
        """The person or service that is responsible for this run."""
        return self.triggering_actor or self.actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The ledger, store and lease of one service in one environment."""

    store: Store
    ledger: Ledger
    lease: Lease
    unread: str = ""
    """Why another ledger with more records cannot be read from here; empty where this one has them all."""
    owner: str = ""
    """The service that a mark beside its releases names; empty where no mark is kept."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One request of a user, with everything needed to serve it."""

    config: Config
    world: World
    root: Path
    site: Site
    progress: Progress
    waits: Callable[[], Iterator[float]]
    """Makes the seconds between tries: capped and jittered."""
    before_change: Callable[[], None]
    """Called before the first change; tells whoever must know even if we are killed."""
    opened: Callable[[DeploymentRecord], None]
    """Called as soon as a record has its ids."""
    origin: Origin = field(default_factory=Origin)
    sinks: tuple[Sink, ...] = ()
    notes: list[str] = field(default_factory=list)
    """Sentences for the report; the ledgers add theirs."""
    dry_run: bool = False
    config_problems: tuple[Problem, ...] | None = None

    @property
    def environment(self) -> str:
        """The name of the environment."""
        return self.config.environment

    def subject(
        self,
        *,
        url: str,
        revision: str,
        previous_revision: str = "",
        had_health_document: bool = False,
        servers: Servers | None = None,
        was_blocked: bool = False,
        deployed_at: datetime | None = None,
    ) -> Subject:
        """The subject of checks: the service, with the revision that should be live."""
        return Subject(
            root=self.root,
            url=url,
            revision=revision,
            previous_revision=previous_revision,
            had_health_document=had_health_document,
            servers=servers,
            was_blocked=was_blocked,
            deployed_at=deployed_at,
            pace=Pace(self.config.verify.max_rate),
            published=self.origin.published,
            environment=self.environment,
            timeout_seconds=self.config.verify.timeout,
            config_file=self.config.file,
            config_problems=self.config_problems,
        )

    def new_record(self, *, revision: str, after: str = "", **more: Any) -> DeploymentRecord:
        """Return a planned record whose id sorts behind every journal of this site, and behind `after`."""
        now = self.world.clock.now()
        newest = next(reversed(journaled(self.site.store)), "")
        planned = DeploymentRecord(
            id=new_id(now, revision, after=max(newest, after)),
            service=self.config.service,
            environment=self.environment,
            revision=revision,
            ref=self.origin.ref,
            actor=self.origin.operator,
            run_url=self.origin.run_url,
            url=safe_url(self.config.verify.url),  # a ledger may be read by many, GitHub's by anyone
            started_at=now,
        )
        return replace(planned, **more)
