"""The context of a run: GitHub's variables and the payload of the event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """The context of this run; every text is empty where it is unknown."""

    event: str = ""
    """Such as `push` or `pull_request`."""
    sha: str = ""
    """GITHUB_SHA: the commit of the event, which is not always the one that is checked out."""
    head_sha: str = ""
    """The head of the pull request; empty for other events."""
    head_branch: str = ""
    followed_sha: str = ""
    """The commit of the run that this one follows (`workflow_run`); empty for other events."""
    followed_branch: str = ""
    pull_request: int | None = None
    """Its number."""
    ref: str = ""
    actor: str = ""
    """Who started the first attempt."""
    triggering_actor: str = ""
    """Who started this attempt: after a re-run, not the actor."""
    workflow: str = ""
    job: str = ""
    """The job's id in its workflow."""
    repository: str = ""
    """`owner/name`."""
    is_fork: bool = False
    """True for a pull request from another repository, or from one that cannot be told."""
    run_id: str = ""
    run_attempt: int = 1
    temp: Path | None = None
    """The job's own temporary folder."""
    workspace: Path | None = None

    @property
    def owner(self) -> str:
        """One name for the attempt of the run; empty away from GitHub."""
        return f"{self.repository}/{self.run_id}/{self.run_attempt}" if self.run_id else ""


def context_of(env: Mapping[str, str]) -> RunContext:
    """Return the context from the runner's variables and the event's payload."""
    event = _event(env)
    name = env.get("GITHUB_EVENT_NAME", "")
    head = _inside(event, "pull_request", "head")
    is_pull_request = bool(head) or name.startswith("pull_request")
    repository = env.get("GITHUB_REPOSITORY", "")
    from_repository = _text(_inside(head, "repo"), "full_name")
    attempt = env.get("GITHUB_RUN_ATTEMPT", "")
    run_id = env.get("GITHUB_RUN_ID", "")
    return RunContext(
        event=name,
        sha=env.get("GITHUB_SHA", ""),
        head_sha=_text(head, "sha"),
        head_branch=_text(head, "ref"),
        followed_sha=_text(event.get("workflow_run"), "head_sha"),
        followed_branch=_text(event.get("workflow_run"), "head_branch"),
        pull_request=_number(_inside(event, "pull_request", "number")),
        ref=env.get("GITHUB_REF", ""),
        actor=env.get("GITHUB_ACTOR", ""),
        triggering_actor=env.get("GITHUB_TRIGGERING_ACTOR", ""),
        workflow=env.get("GITHUB_WORKFLOW", ""),
        job=env.get("GITHUB_JOB", ""),
        repository=repository,
        is_fork=is_pull_request and from_repository.casefold() != repository.casefold(),
        run_id=run_id if run_id.isascii() and run_id.isdigit() else "",
        run_attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 1,
        temp=_folder(env, "RUNNER_TEMP"),
        workspace=_folder(env, "GITHUB_WORKSPACE"),
    )


def _event(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the event's payload; empty when it cannot be read."""
    try:
        payload = parse_json(Path(env.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, ValueError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _inside(document: object, *keys: str) -> object:
    """Return the value under nested keys; None where the document has another shape."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _text(document: object, key: str) -> str:
    value = _inside(document, key)
    return value if isinstance(value, str) else ""
