"""A repository's GitHub deployments as a ledger, and statuses on its commits.

A repository's deployments as a ledger, and statuses on its commits.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ci_ops.core.delivery.ledger import Ledger, LedgerError, any_record
from ci_ops.core.delivery.record import DeploymentRecord, State, is_revision
from ci_ops.core.errors import UsageError
from ci_ops.core.ports.forge import CommitState, Forge
from ci_ops.core.text.lines import one_line
from ci_ops.edge.github_api import PER_PAGE, GitHubApi
from ci_ops.edge.github_read import deployments_of, is_run_over, number_in, statuses_of
from ci_ops.edge.github_record import (
    SHOWN_AS,
    as_shown,
    described,
    identity_of,
    payload_of,
    status_line,
    web_address,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from github.Repository import Repository

    from ci_ops.core.ports.clock import Clock
    from ci_ops.core.text.redact import Redactor
    from ci_ops.core.text.secret import Secret

SCANNED_PAGES = 10
"""Of a hundred deployments each; a release to return to is not sought further back."""
STALE_LIMIT = 10
MAX_CONTEXT = 255
TASK = "deploy"
_WRITE = "deployments: write"
_READ = "deployments: read"
_RUN = re.compile(r"/actions/runs/(?P<run>\d{1,18})(?:/job/(?P<job>\d{1,18}))?")


class GitHub(Ledger, Forge):
    """One repository's deployments and commit statuses.

    `service` is the one whose deployments are read: an environment may hold several.
    `clock` ends a wait between two tries when a stop is requested; `waits`
    makes the seconds between tries; `redact` learns the token.
    """

    def __init__(
        self,
        *,
        repository: str,
        service: str,
        token: Secret,
        api_url: str,
        clock: Clock,
        waits: Callable[[], Iterator[float]],
        redact: Redactor,
    ) -> None:
        self._api = GitHubApi(
            repository=repository, token=token, api_url=api_url, clock=clock, waits=waits, redact=redact
        )
        self._service = service
        self._redact = redact

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def open(self, record: DeploymentRecord) -> DeploymentRecord:
        """Create the deployment, with the status of the record's state."""
        if record.external_id:
            return record
        ref = record.revision or record.ref
        if not ref:
            raise LedgerError(
                "GitHub cannot keep a deployment of an unknown commit",
                kind="refused",
                hint="Give `revision`: the 40 digits of the commit.",
            )
        number, has_status = self._api.ask(
            lambda repository: self._open(repository, record, ref),
            doing=f"create the deployment of {record.short_revision}",
            permission=_WRITE,
        )
        opened = replace(record, external_id=str(number))
        if has_status or record.state is State.PLANNED:
            return opened
        try:
            return self.update(opened)
        except LedgerError as error:
            error.opened = opened
            raise

    def _open(self, repository: Repository, record: DeploymentRecord, ref: str) -> tuple[int, bool]:
        """Return the deployment's number, and whether it has a status; an earlier try may have created it."""
        if (number := _number_of(repository, record)) is not None:
            return number, bool(statuses_of(repository, number))
        deployment = repository.create_deployment(
            ref,
            task=TASK,
            auto_merge=False,
            required_contexts=[],
            payload=payload_of(record, self._redact.own),
            environment=record.environment,
            description=self._said(f"{record.kind} of {record.service} {record.short_revision}"),
        )
        answer = deployment.raw_data
        if "id" not in answer and isinstance(answer.get("message"), str):
            raise LedgerError(
                f"GitHub merged the default branch into {ref} instead of creating a deployment (202)",
                kind="merged",
                hint="Deploy a full commit id rather than a branch.",
            )
        return number_in(answer), False

    def update(self, record: DeploymentRecord) -> DeploymentRecord:
        """Add the status for the record's state."""
        addresses = {"target_url": record.run_url, "environment_url": record.url}
        details: dict[str, Any] = {
            "description": self._said(status_line(record)),
            "auto_inactive": True,
            **{name: address for name, address in addresses.items() if web_address(address)},
        }

        def write(repository: Repository) -> int:
            number = _known_number(repository, record)
            number_in(
                repository.get_deployment(number).create_status(SHOWN_AS[record.state], **details).raw_data
            )
            return number

        doing = f"write the status {record.state} of {record.id}"
        return replace(record, external_id=str(self._api.ask(write, doing=doing, permission=_WRITE)))

    def records(
        self, environment: str, where: Callable[[DeploymentRecord], bool] = any_record
    ) -> Iterator[DeploymentRecord]:
        """Yield the service's deployments in the environment, newest first; one request per state."""
        ids: set[str] = set()
        for page in range(SCANNED_PAGES):
            listed = self._page(environment, page)
            for identity in listed:
                if identity is None or identity.external_id in ids or identity.service != self._service:
                    continue  # another tool's or service's, or pushed onto this page by a newer one
                ids.add(identity.external_id)
                if where(identity):
                    yield self._with_state(identity)
            if len(listed) < PER_PAGE:
                return

    def _page(self, environment: str, page: int) -> list[DeploymentRecord | None]:
        """Return one page of deployments; None stands for a foreign one."""

        def listed(repository: Repository) -> list[DeploymentRecord | None]:
            deployments = deployments_of(repository, {"environment": environment}, page)
            return [identity_of(deployment, environment) for deployment in deployments]

        return self._api.ask(listed, doing=f"read the deployments of {environment}", permission=_READ)

    def _with_state(self, identity: DeploymentRecord) -> DeploymentRecord:
        number = int(identity.external_id)
        statuses = self._api.ask(
            lambda repository: statuses_of(repository, number),
            doing=f"read the statuses of {identity.id}",
            permission=_READ,
        )
        return as_shown(identity, statuses)

    def close_stale(self, environment: str) -> tuple[DeploymentRecord, ...]:
        """Mark the open deployments of finished runs as interrupted, and return them.

        A runner that dies leaves its deployment in progress for ever: GitHub
        closes only those that succeeded.
        """
        stale = [
            record
            for record in self.history(environment, STALE_LIMIT)
            if record.state in {State.PLANNED, State.RUNNING} and self.is_run_finished(record.run_url)
        ]
        ended = [
            replace(each, state=State.INTERRUPTED, error="its run ended before it did") for each in stale
        ]
        return tuple(self.update(record) for record in ended)

    def is_run_finished(self, run_url: str) -> bool:
        """Return True when GitHub reports that the run, or this job, is over. Needs `actions: read`."""
        match = _RUN.fullmatch(urlsplit(run_url).path.removeprefix(f"/{self._api.repository}"))
        if match is None:
            return False
        try:
            return self._api.ask(
                lambda repository: is_run_over(repository, run=int(match["run"]), job=int(match["job"] or 0)),
                doing="see whether an earlier run is over",
                permission="actions: read",
            )
        except LedgerError as error:
            if error.kind == "missing":
                return True  # a run that was deleted does nothing any more
            raise

    def commit_status(
        self, sha: str, *, context: str, state: CommitState, description: str, url: str = ""
    ) -> None:
        """Set a status on a commit; for a pull request that is its head."""
        if not is_revision(sha):
            raise UsageError(f"{sha!r} is not a full commit id")
        details: dict[str, Any] = {
            "context": one_line(context)[:MAX_CONTEXT],
            "description": self._said(description),
            **({"target_url": url} if web_address(url) else {}),
        }
        self._api.ask(
            lambda repository: number_in(repository.get_commit(sha).create_status(state, **details).raw_data),
            doing=f"write the status {details['context']!r} of commit {sha[:7]}",
            permission="statuses: write",
        )

    def _said(self, text: str) -> str:
        return described(self._redact.own(text))


def _number_of(repository: Repository, record: DeploymentRecord) -> int | None:
    """Return the number of the deployment created for that record; None where there is none."""
    filters = {"environment": record.environment, **({"sha": record.revision} if record.revision else {})}
    for deployment in deployments_of(repository, filters):
        identity = identity_of(deployment, record.environment)
        # Two services of one repository may be deployed within the same second: their ids are the same.
        if identity is not None and (identity.service, identity.id) == (record.service, record.id):
            return deployment.id
    return None


def _known_number(repository: Repository, record: DeploymentRecord) -> int:
    if record.external_id.isascii() and record.external_id.isdigit():
        return int(record.external_id)
    if (number := _number_of(repository, record)) is not None:
        return number
    raise LedgerError(
        f"GitHub has no deployment {record.id} in {record.environment}",
        kind="missing",
        hint="Check the deployment's id and environment; a deployment is written down when it starts.",
    )
