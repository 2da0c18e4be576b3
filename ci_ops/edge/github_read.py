"""Responses of GitHub's REST API, validated against their expected shape.

A proxy's page may come with the status 200 or 201. PyGithub takes it for an
empty listing or an object without fields; here it is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.edge.github_api import PER_PAGE
from ci_ops.edge.github_record import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github.Deployment import Deployment
    from github.Repository import Repository


def number_in(answer: Mapping[str, Any]) -> int:
    """Return the id of an object that GitHub created. Raises ValueError where there is none."""
    number = answer.get("id")
    if not isinstance(number, int):
        raise ValueError("an answer without a number")
    return number


def _rows(repository: Repository, path: str, **parameters: object) -> list[dict[str, Any]]:
    """Return one page of a listing below the repository. Raises ValueError for anything but a list."""
    _, rows = repository.requester.requestJsonAndCheck(
        "GET", f"{repository.url}/{path}", parameters={**parameters, "per_page": PER_PAGE}
    )
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("an answer that is no list")
    return rows


def deployments_of(repository: Repository, filters: Mapping[str, str], page: int = 0) -> list[Deployment]:
    """Return one page of the repository's deployments, newest first."""
    from github.Deployment import Deployment  # noqa: PLC0415 - loaded already where there is a repository

    rows = _rows(repository, "deployments", page=page + 1, **filters)
    return [Deployment(repository.requester, {}, row, completed=True) for row in rows]


def statuses_of(repository: Repository, number: int) -> tuple[Shown, ...]:
    """Return a deployment's hundred newest statuses, newest first."""
    from github.DeploymentStatus import DeploymentStatus  # noqa: PLC0415 - the same

    rows = _rows(repository, f"deployments/{number}/statuses", page=1)
    listed = [DeploymentStatus(repository.requester, {}, row, completed=True) for row in rows]
    newest_first = sorted(listed, key=lambda status: status.id, reverse=True)
    return tuple(
        Shown(state=each.state, description=each.description or "", at=each.created_at)
        for each in newest_first
    )


def is_run_over(repository: Repository, *, run: int, job: int = 0) -> bool:
    """Return True when the run, or that job of it, has ended."""
    unit = repository.get_workflow_job(job) if job else repository.get_workflow_run(run)
    status = unit.raw_data["status"]
    if not isinstance(status, str):
        raise TypeError("a status that is no text")
    return status == "completed"
