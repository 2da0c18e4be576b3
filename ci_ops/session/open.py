"""Opening a session from a call and the environment, and running a flow in it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.config.find import Project, find_project
from ci_ops.core.folders import repository_root
from ci_ops.core.git import Git, trusting
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.log import set_up_log
from ci_ops.edge.runner import Runner
from ci_ops.edge.world import RealWorld
from ci_ops.flows._job import Job
from ci_ops.flows._sinks import sinks_for
from ci_ops.session.close import close
from ci_ops.session.colour import is_coloured
from ci_ops.session.configured import configured, why_unread
from ci_ops.session.environment import passed_environment, user_environment
from ci_ops.session.github import open_github, with_token
from ci_ops.session.needs import have_groups, naming_the_extra
from ci_ops.session.origin import origin_of
from ci_ops.session.output import check_output
from ci_ops.session.progress import TerminalProgress, is_live
from ci_ops.session.public_words import public_texts
from ci_ops.session.secrets import hide, secrets_of_call, secrets_of_config
from ci_ops.session.session import Session
from ci_ops.session.state import open_site, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ci_ops.config.model import Config
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.event import Sink
    from ci_ops.core.ports.store import Store
    from ci_ops.flows._job import Progress
    from ci_ops.session.call import Call
    from ci_ops.session.session import Flow


log = logging.getLogger(__name__)


def run_flow(call: Call, flow: Flow) -> int:
    """Open a session, run its flow and close it; return the exit code.

    Meanwhile a signal only requests a stop.
    """
    with opened_session(call) as session:
        return close(session, flow(session.job))


@contextmanager
def opened_session(call: Call) -> Iterator[Session]:
    """Open a session of this process, and dispose of it at the end.

    Meanwhile a signal only requests a stop.
    """
    stop = StopSignal()
    with stop.listening():
        session = open_job(call, os.environ, stop=stop)
        try:
            yield session
        finally:
            session.dispose()


@naming_the_extra
def open_job(
    call: Call, env: Mapping[str, str], *, stop: StopSignal | None = None, root: Path | None = None
) -> Session:
    """Return a session with everything that a flow needs. Raises ConfigError, UsageError."""
    runner = Runner.from_env(env, sys.stderr.write)
    is_token_given = bool(call.get("token"))
    call = with_token(call, runner, env)
    variables = user_environment(env)
    project = _project(call, variables, root)
    folder = project.folder
    world = RealWorld(env={**variables, **_trust(folder, runner, variables)}, stop=stop or StopSignal())
    hide(runner, world, secrets_of_call(call, env))
    check_output(call)
    _set_up_log(call, world)
    read = configured(call, world, project, repository=runner.context.repository)
    config = read.config
    world = _with_passed(world, env, config.deploy.pass_env)
    hide(runner, world, secrets_of_config(config))
    world.redact.publish(*public_texts(call, config, runner.context, folder))
    have_groups([*config.needs(), *(["github"] if call.asks_forge and runner.is_github else [])], env)
    progress = _progress(call, runner, world, env)
    for sentence in read.notes:
        progress.note(sentence)
    log.debug(
        "configuration %s, environment %s, project %s", config.file or "none", config.environment, folder
    )
    git = Git(folder, world)
    kept_in = state_folder(folder / runner.state_root, git=git, traits=call.traits, note=progress.note)
    note = _keep_and_show(notes := list[str](), progress)
    read.show(runner, folder, note=note)
    waits = _waits(world)
    remote = open_github(
        call, config, world, runner, git, is_token_given=is_token_given, waits=waits, note=note
    )
    unread = why_unread(read, is_job=runner.is_github)
    site = open_site(read, world, kept_in, traits=call.traits, remote=remote, unread=unread, note=note)
    job = Job(
        config=config,
        world=world,
        root=folder,
        site=site,
        progress=progress,
        notes=notes,
        waits=waits,
        before_change=lambda: runner.set_output("changed", "true"),
        opened=lambda record: _announce(runner, record),
        origin=origin_of(call, config, git, runner, note=note),
        sinks=_sinks(call, config, world, site.store, waits=waits),
        dry_run=call.is_dry,
        config_problems=read.problems,
    )
    return Session(call=call, job=job, runner=runner, state_folder=kept_in, remote=remote)


def _progress(call: Call, runner: Runner, world: RealWorld, env: Mapping[str, str]) -> TerminalProgress:
    return TerminalProgress(
        sys.stderr,
        live=is_live(sys.stderr, env),
        coloured=is_coloured(sys.stderr, env),
        shows_plan=runner.is_github and not call.get("format"),
        untrusted=runner.untrusted,
        redact=world.redact,
    )


def _project(call: Call, variables: Mapping[str, str], root: Path | None) -> Project:
    """Return the project that the call names, or that of the current folder; `root` is the folder itself."""
    directory = call.get("directory") or ("." if root else "")
    return find_project(root or Path.cwd(), variables, file=call.get("config"), directory=directory)


def _trust(folder: Path, runner: Runner, variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return the git settings that trust the job's own checkout, owned by any user.

    A repository around the workspace is not trusted.
    """
    root = repository_root(folder)
    return trusting(root, variables) if root and runner.is_within_workspace(root) else {}


def _set_up_log(call: Call, world: RealWorld) -> None:
    set_up_log(
        level=call.get("log_level", "warning"),
        format_name=call.get("log_format", "text"),
        file=call.get("log_file", None),
        redact=world.redact,
    )


def _with_passed(world: RealWorld, env: Mapping[str, str], names: tuple[str, ...]) -> RealWorld:
    """Return the world with the runner's variables that `deploy.pass-env` names."""
    if not names:
        return world
    return RealWorld(
        env={**world.env, **passed_environment(env, names)}, stop=world.stop, redact=world.redact
    )


def _keep_and_show(notes: list[str], progress: Progress) -> Callable[[str], None]:
    """Return a function that keeps a note for the report and shows it immediately."""

    def note(sentence: str) -> None:
        notes.append(sentence)
        progress.note(sentence)

    return note


def _sinks(
    call: Call, config: Config, world: RealWorld, store: Store, *, waits: Callable[[], Iterator[float]]
) -> tuple[Sink, ...]:
    if not call.traits.notifies:
        return ()
    return sinks_for(
        config, world, store, waits=waits, to=call.get(call.traits.recipients, ()), dry_run=call.is_dry
    )


def _waits(world: RealWorld) -> Callable[[], Iterator[float]]:
    return lambda: world.waits(base_seconds=0.5, cap_seconds=5.0)


def _announce(runner: Runner, record: DeploymentRecord) -> None:
    runner.set_outputs({"deployment-id": record.id, "github-deployment-id": record.external_id})
