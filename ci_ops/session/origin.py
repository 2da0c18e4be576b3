"""The origin of a call: which commit it is about, who asks, and from which run."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from ci_ops.flows._job import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.config.model import Config
    from ci_ops.edge.runner import Runner
    from ci_ops.edge.world import RealWorld
    from ci_ops.session.call import Call


def origin_of(call: Call, config: Config, world: RealWorld, runner: Runner, folder: Path) -> Origin:
    """Return the runner's context, or the laptop's user and HEAD."""
    context = runner.context
    return Origin(
        revision=call.get("revision") or _revision(call, config, world, runner, folder),
        event=context.event,
        pull_request=context.pull_request,
        is_fork=context.is_fork,
        ref=context.ref,
        actor=context.actor or _user(),
        triggering_actor=context.triggering_actor,
        attempt=context.run_attempt,
        run_url=runner.run_url,
        owner=context.owner,
        job=f"{context.owner}/{context.job}" if context.owner else "",
        job_name=" / ".join(each for each in (context.workflow, context.job) if each),
    )


def _revision(call: Call, config: Config, world: RealWorld, runner: Runner, folder: Path) -> str:
    """The commit at hand: the run's, else HEAD."""
    is_checked = any(check.plugin.plugin_name() == "revision" for check in config.verify.checks)
    if not call.traits.needs_revision and not is_checked:
        return ""
    if runner.context.sha:
        return runner.context.head_sha or runner.context.sha
    done = world.process.run(["git", "rev-parse", "HEAD"], timeout_seconds=10.0, directory=folder)
    return done.stdout.strip() if done.exit_code == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
