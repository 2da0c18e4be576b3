"""The origin of a call: its commit, its actor and its run."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from ci_ops.core.git import Git, Refusal
from ci_ops.flows._job import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.config.model import Config
    from ci_ops.edge.run_context import RunContext
    from ci_ops.edge.runner import Runner
    from ci_ops.session.call import Call

_OF_DEFAULT_BRANCH = frozenset({"pull_request_target", "workflow_run"})
"""Events whose GITHUB_SHA is the default branch's, not the commit that the run is about.

Source: GitHub Docs, Events that trigger workflows.
"""


def origin_of(call: Call, config: Config, git: Git, runner: Runner, *, note: Callable[[str], None]) -> Origin:
    """Return the checked-out commit with the runner's context or the local user."""
    context = runner.context
    head = git.head() if _needs_head(call, config) else ""
    if isinstance(head, Refusal) and head.is_about_owner and call.get("revision"):
        note(f"{head.sentence[0].upper()}{head.sentence[1:]}. {head.hint}")
    revision = call.get("revision") or (head if isinstance(head, str) else _commit_of_event(context))
    return Origin(
        event=context.event,
        pull_request=context.pull_request,
        is_fork=context.is_fork,
        revision=revision,
        head="" if isinstance(head, Refusal) else head,
        no_head=head if isinstance(head, Refusal) else None,
        published=frozenset({context.sha, context.head_sha, context.followed_sha} - {""}),
        ref=_ref_of(revision, context, git),
        actor=context.actor or _user(),
        triggering_actor=context.triggering_actor,
        attempt=context.run_attempt,
        run_url=runner.run_url,
        owner=context.owner,
        job=f"{context.owner}/{context.job}" if context.owner else "",
        job_name=" / ".join(each for each in (context.workflow, context.job) if each),
    )


def status_commit(context: RunContext, git: Git, head: str) -> str:
    """Return the commit on which a verdict about this checkout may be shown; empty for none.

    A pull request shows it on its head, provided that the head or a merge of it is checked out.
    """
    if not head or not context.head_sha:
        return head
    is_looked_at = head == context.head_sha or context.head_sha in git.parents(head)[1:]
    return context.head_sha if is_looked_at else ""


def _needs_head(call: Call, config: Config) -> bool:
    if call.traits.changes:
        return True  # its commands may ask git too, and fail for a reason that should be said
    if call.get("revision") and not call.get("status_context"):
        return False
    is_checked = any(check.plugin.plugin_name() == "revision" for check in config.verify.checks)
    return call.traits.needs_revision or is_checked


def _commit_of_event(context: RunContext) -> str:
    """Return the commit of the run if nothing is checked out; empty if the event does not name one."""
    if context.event in _OF_DEFAULT_BRANCH:
        return ""
    return context.head_sha or context.sha


def _ref_of(revision: str, context: RunContext, git: Git) -> str:
    """Return the ref of the commit: the event's, if that is the same commit."""
    if not revision or not context.ref:
        return ""
    if revision == context.sha or git.commit_at(context.ref) == revision:
        return context.ref
    branches = {context.head_sha: context.head_branch, context.followed_sha: context.followed_branch}
    branch = branches.get(revision, "")
    return f"refs/heads/{branch}" if branch else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
