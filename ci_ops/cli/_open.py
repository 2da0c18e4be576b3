"""From options and environment to a Job, and from its flow to an exit code."""

from __future__ import annotations

import errno
import getpass
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.cli._close import close, format_for, format_names
from ci_ops.cli._configured import CHANGING, configured, is_dry
from ci_ops.cli._env import SECRET_LINES, likely_secrets, secret_lines, user_environment
from ci_ops.cli._groups import have_groups
from ci_ops.cli._opened import Opened
from ci_ops.cli._progress import Progress, is_live
from ci_ops.config.find import project_folder
from ci_ops.core.delivery.ledger import JsonLinesLedger, Ledger
from ci_ops.core.delivery.ledger_pair import LedgerPair
from ci_ops.core.environment import environment_key
from ci_ops.core.errors import UsageError
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import read_url, secrets_in
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.log import set_up_log
from ci_ops.edge.runner import Runner
from ci_ops.edge.world import RealWorld
from ci_ops.flows._job import Job, Origin, Site
from ci_ops.flows._sinks import sinks_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ci_ops.cli._request import Request
    from ci_ops.config.model import Config
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.event import Sink
    from ci_ops.core.ports import Store
    from ci_ops.core.report import Report
    from ci_ops.edge.github import GitHub

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
STATE_IGNORE = "*\n"
"""A .gitignore for the state folder: nothing in it belongs into a commit."""


def run_flow(request: Request, flow: Callable[[Job], Report]) -> int:
    """Open the job, run its flow, close it; signals only ask to stop meanwhile."""
    with opened_job(request) as opened:
        return close(opened, flow(opened.job))


@contextmanager
def opened_job(request: Request) -> Iterator[Opened]:
    """A job of this process, given back in order; signals only ask to stop meanwhile."""
    stop = StopSignal()
    with stop.listening():
        opened = open_job(request, os.environ, stop=stop)
        try:
            yield opened
        finally:
            opened.dispose()


def open_job(
    request: Request, env: Mapping[str, str], *, stop: StopSignal, root: Path | None = None
) -> Opened:
    """Everything a flow needs. Raises ConfigError, UsageError."""
    runner = Runner.from_env(env, sys.stderr.write)
    world = RealWorld(env=user_environment(env), stop=stop)
    _hide(
        runner,
        world,
        [*secret_lines(env.get(SECRET_LINES, "")).values(), request.get("token"), *likely_secrets(world.env)],
    )
    folder = root or runner.context.workspace or project_folder(Path.cwd(), world.env, request.get("config"))
    _check_output(request)
    set_up_log(
        level=request.get("log_level", "warning"),
        format_name=request.get("log_format", "text"),
        file=request.get("log_file", None),
        redact=world.redact,
    )
    read = configured(request, world, folder, repository=runner.context.repository)
    config = read.config
    in_address = secrets_in(read_url(config.verify.url)) if config.verify.url else ()
    _hide(runner, world, [*(secret.reveal() for secret in config.secrets), *in_address])
    have_groups([*config.needs(), *(["github"] if request.asks_github and runner.is_github else [])], env)
    progress = Progress(
        sys.stderr, live=is_live(sys.stderr, env), untrusted=runner.untrusted, redact=world.redact
    )
    for sentence in read.notes:
        progress.note(sentence)
    state_folder = _state_folder(request, folder / runner.state_root, note=progress.note)
    beside = _beside_releases(request, config)
    store = world.store(beside or state_folder / environment_key(config.environment))
    remote = github(request, world, runner)
    ledger: Ledger = JsonLinesLedger(store)
    if remote is not None:
        ledger = LedgerPair(ledger, remote, local_lasts=beside is not None, note=progress.note)
    waits = _waits(world)
    job = Job(
        config=config,
        world=world,
        root=folder,
        site=Site(store=store, ledger=ledger),
        watch=progress,
        waits=waits,
        before_change=lambda: runner.set_output("changed", "true"),
        opened=lambda record: _announce(runner, record),
        origin=_origin(request, config, world, runner, folder),
        sinks=_sinks(request, config, world, store, waits=waits),
        dry_run=is_dry(request),
        config_problems=read.problems,
    )
    return Opened(
        job=job,
        runner=runner,
        state_folder=state_folder,
        format_name=request.get("format"),
        reports=tuple(Path(each) for each in request.get("report", ())),
        remote=remote,
    )


def _hide(runner: Runner, world: RealWorld, secrets: list[str]) -> None:
    """Before anything else is printed: in our own texts, and in the runner's log."""
    known = [secret for secret in secrets if secret]
    world.redact.add(*known)
    runner.mask(known)


def _check_output(request: Request) -> None:
    """A mistyped format, or a report with no place to go, is said before the work, not after it."""
    name = request.get("format")
    if name and name not in format_names():
        raise UsageError(
            f"there is no format {name!r}", where="format", hint=f"One of: {', '.join(format_names())}."
        )
    for path in map(Path, request.get("report", ())):
        format_for(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", where="report") from error
        if path.is_dir():
            raise UsageError(f"{path} is a folder", where="report")


def _beside_releases(request: Request, config: Config) -> Path | None:
    """The state's place on the target's own host; None when this is another machine, or there is none."""
    target = config.deploy.target
    beside = target.plugin.state_directory() if target else None
    return beside if beside is not None and (request.command in CHANGING or beside.is_dir()) else None


def _state_folder(request: Request, folder: Path, *, note: Callable[[str], None]) -> Path:
    """The folder for reports and state; elsewhere for a command that only looks at what it may not write."""
    ignore = folder / ".gitignore"
    try:
        if not ignore.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            ignore.write_text(STATE_IGNORE)
    except OSError as error:
        if error.errno in _NOT_WRITABLE and request.command not in CHANGING:
            elsewhere = Path(tempfile.mkdtemp(prefix="ci-ops-"))
            note(f"{folder} cannot be written ({error.strerror}); what is kept goes to {elsewhere}.")
            return elsewhere
        raise UsageError(
            f"the folder for reports and state cannot be made: {error.strerror}",
            where=str(folder),
            hint="Move away what is in its place, or let this user write to the project's folder.",
        ) from error
    return folder


def github(request: Request, world: RealWorld, runner: Runner) -> GitHub | None:
    """GitHub's deployments and statuses; None without a token, without a use for it, or away from GitHub."""
    if not (request.asks_github and runner.is_github and runner.context.repository):
        return None
    from ci_ops.edge.github import GitHub  # noqa: PLC0415 - loads PyGithub

    return GitHub(
        repository=runner.context.repository,
        token=Secret(request.get("token")),
        api_url=runner.api_url,
        clock=world.clock,
        waits=_waits(world),
        redact=world.redact,
    )


def _sinks(
    request: Request, config: Config, world: RealWorld, store: Store, *, waits: Callable[[], Iterator[float]]
) -> tuple[Sink, ...]:
    if request.command == "readiness":
        return ()
    to = request.get("to", ()) if request.command == "notify" else ()
    return sinks_for(config, world, store, waits=waits, to=to, dry_run=is_dry(request))


def _waits(world: RealWorld) -> Callable[[], Iterator[float]]:
    return lambda: world.waits(base_seconds=0.5, cap_seconds=5.0)


def _announce(runner: Runner, record: DeploymentRecord) -> None:
    runner.set_outputs({"deployment-id": record.id, "github-deployment-id": record.external_id})


def _origin(request: Request, config: Config, world: RealWorld, runner: Runner, folder: Path) -> Origin:
    context = runner.context
    return Origin(
        revision=request.get("revision") or _revision(request, config, world, runner, folder),
        ref=context.ref,
        actor=context.actor or _user(),
        run_url=runner.run_url,
        owner=f"{context.repository}/{context.run_id}/{context.run_attempt}" if context.run_id else "",
    )


def _revision(request: Request, config: Config, world: RealWorld, runner: Runner, folder: Path) -> str:
    """The commit at hand: the run's, else HEAD; for `verify` only where a check wants one."""
    if request.command == "verify" and not any(
        check.plugin.plugin_name() == "revision" for check in config.verify.checks
    ):
        return ""
    if runner.context.sha:
        return runner.context.sha
    done = world.process.run(["git", "rev-parse", "HEAD"], timeout_seconds=10.0, directory=folder)
    return done.stdout.strip() if done.exit_code == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
