"""The demo's script: a good release, a bad one, the rollback, and its proof."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import ci_ops
from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.report import Report
from ci_ops.demo._project import git, make_project, own_environment
from ci_ops.demo._receiver import Receiver
from ci_ops.edge.clock import StopSignal
from ci_ops.flows._job import Job
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.notify import NotifyOptions, notify
from ci_ops.flows.readiness import readiness
from ci_ops.flows.rollback import RollbackOptions, rollback
from ci_ops.flows.verify import verify
from ci_ops.formats._words import availability_sentence
from ci_ops.session.call import Call
from ci_ops.session.close import keep
from ci_ops.session.open import open_job
from ci_ops.session.output import load_format

if TYPE_CHECKING:
    from ci_ops.session.session import Session

RUNNERS = ("GITHUB_", "RUNNER_", "ACTIONS_", "CI_OPS_")
END_SECONDS = 8.0
"""How long the shop's servers may take to end before they are killed."""

Flow = Callable[[Job], Report]


class NotAsTold(AssertionError):
    """Something that the demo shows did not happen."""


@dataclass
class Stage:
    """The state of the demo, and its output so far."""

    project: Path
    place: Path
    env: Mapping[str, str]
    stop: StopSignal
    out: TextIO
    reports: list[Report] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)

    def play(self, command: str, flow: Flow, **options: object) -> Report:
        """Run one command as the action of that name would, and keep its report."""
        self.stop.check()
        session = open_job(Call.of(command, options), self.env, stop=self.stop, root=self.project)
        report = flow(session.job)
        keep(session, report)
        self._collect(session, report)
        self.stop.check()
        return report

    def _collect(self, session: Session, report: Report) -> None:
        self.reports.append(report)
        markdown = load_format("markdown").render(report, session.job.world.templates)
        self.summaries.append(session.job.world.redact.own(markdown))
        self.say(f"  = {report.command}: {report.status} ({report.verdict}). {report.sentence}")
        session.dispose()

    def say(self, text: str) -> None:
        """Print one line of the demo."""
        self.out.write(text + "\n")
        self.out.flush()


def play(folder: Path | None = None, out: TextIO = sys.stderr) -> int:
    """Play it in `folder` (a new temporary one if absent).

    0 only when all of it happened.

    Raises UsageError when the demo's server is not installed or the folder is
    in use, NotAsTold when a step of the story went otherwise.
    """
    if find_spec("gunicorn") is None:
        raise UsageError("the demo needs gunicorn", hint='pip install "ci-ops[cli,demo]"')
    folder = _empty(folder) if folder else Path(tempfile.mkdtemp(prefix="ci-ops-demo-"))
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    place = folder / "srv"
    (place / "run").mkdir(parents=True)
    good, bad = make_project(folder / "shop", place=place, url=url)
    stop = StopSignal()
    with stop.listening(), Receiver() as receiver:
        env = _environment(place, port=port, webhook=receiver.url)
        stage = Stage(project=folder / "shop", place=place, env=env, stop=stop, out=out)
        try:
            with _workers(place):
                _first_act(stage, good)
                _second_act(stage, good, bad)
        except Interrupted as stopped:
            stage.say(
                f"\nStopped before its end. The shop's servers are ended; what was played is in {folder}"
            )
            return stopped.exit_code
        stage.say("\nMessages to the team:")
        for message in receiver.messages:
            stage.say(f"  > {message}")
        _expect(len(receiver.messages) >= 5, "the team heard of both deployments and of the rollback")
    return _close(stage, folder)


def _empty(folder: Path) -> Path:
    """Return the folder, created if missing. Raises UsageError when it is not empty."""
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError("the folder is not empty", where=str(folder), hint="Name a new one.")
    except OSError as error:
        raise UsageError(f"the folder cannot be used: {error.strerror}", where=str(folder)) from error
    return folder


def _first_act(stage: Stage, good: str) -> None:
    stage.say(f"\nRelease 1, {good[:7]}: all is well")
    git(stage.project, "checkout", "--quiet", good)
    _expect(stage.play("readiness", readiness).exit_code == 0, "readiness is green")
    first = stage.play("deploy", lambda job: deploy(job, DeployOptions(verify=False)), revision=good)
    _expect(first.exit_code == 0 and first.record is not None, "release 1 is deployed")
    verified = stage.play("verify", lambda job: verify(job, deployment_id=_id(first)))
    _expect(verified.verdict == "ok", "release 1 is verified")
    _expect(
        stage.play("notify", lambda job: notify(job, NotifyOptions())).exit_code == 0, "the team is notified"
    )


def _second_act(stage: Stage, good: str, bad: str) -> None:
    stage.say(f"\nRelease 2, {bad[:7]}: it starts, and it is broken")
    git(stage.project, "checkout", "--quiet", bad)
    second = stage.play("deploy", lambda job: deploy(job, DeployOptions(verify=False)), revision=bad)
    _expect(second.exit_code == 0, "release 2 starts")
    failed = stage.play("verify", lambda job: verify(job, deployment_id=_id(second)))
    rules = {finding.rule for result in failed.results for finding in result.findings}
    _expect(failed.verdict == "findings", "the verification of release 2 fails")
    _expect("revision/stale" in rules, "it names the worker that still serves the old commit")
    _expect(any(rule.startswith("endpoints/") for rule in rules), "it names the endpoint that fails")
    stage.say("\nGoing back by itself, as the workflow does when the verification says so")
    back = stage.play("rollback", lambda job: rollback(job, RollbackOptions(deployment_id=_id(second))))
    _expect(back.exit_code == 0, f"the rollback to {good[:7]} is proven")
    _expect(all(result.status.is_good for result in back.proof) and bool(back.proof), "every check passed")
    seen = back.availability
    _expect(seen is not None and seen.requests > 0, "a probe ran throughout")
    assert seen is not None
    stage.say(
        f"  = availability during the rollback: {seen.requests} requests, {seen.failures} failures, "
        f"longest gap {seen.longest_gap_seconds * 1000:.0f} ms"
    )
    stage.play("notify", lambda job: notify(job, NotifyOptions()))


def _id(report: Report) -> str:
    assert report.record is not None
    return report.record.id


def _close(stage: Stage, folder: Path) -> int:
    summary = folder / "summary.md"
    summary.write_text("\n".join(stage.summaries), encoding="utf-8")
    reports = folder / "report.json"
    document = {"schema": 1, "reports": [report.to_json() for report in stage.reports]}
    reports.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    _recall(stage)
    stage.say(f"\nAll of it happened.\nsummary: {summary}\nreport: {reports}")
    return 0


def _recall(stage: Stage) -> None:
    """Print the summary, one line for each command."""
    stage.say("\nIn short:")
    for report in stage.reports:
        if report.command != "notify":
            seen = availability_sentence(report)
            stage.say(
                f"  {report.status:4}  {report.command:9}  {report.sentence}{f' {seen}' if seen else ''}"
            )


def _expect(happened: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not happened:
        raise NotAsTold(f"this did not happen: {what}")


def _environment(place: Path, *, port: int, webhook: str) -> dict[str, str]:
    """Return the user's variables without any runner's, and those that the shop needs."""
    env = {name: value for name, value in own_environment().items() if not name.startswith(RUNNERS)}
    # The shop uses the kit, also where ci-ops runs from a checkout and is not installed.
    path = os.pathsep.join(filter(None, (str(Path(ci_ops.__file__).parent.parent), env.get("PYTHONPATH"))))
    return env | {
        "PYTHONPATH": path,
        "SHOP": str(place),
        "SHOP_DATABASE": str(place / "shop.sqlite"),
        "SHOP_PORT": str(port),
        "SHOP_PYTHON": sys.executable,
        "SHOP_WEBHOOK": webhook,
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _workers(place: Path) -> Iterator[None]:
    """Stop the shop's servers at the end of the block."""
    try:
        yield
    finally:
        _signal_workers(place, signal.SIGTERM)
        pause = threading.Event()
        for _ in range(int(END_SECONDS / 0.05)):
            if not any((place / "run").glob("*.pid")):
                break
            pause.wait(0.05)
        else:
            _signal_workers(place, signal.SIGKILL)


def _signal_workers(place: Path, number: signal.Signals) -> None:
    """Each server removes its own file of a process id when it ends."""
    for pid in (place / "run").glob("*.pid"):
        with suppress(ValueError, FileNotFoundError, ProcessLookupError):
            os.kill(int(pid.read_text()), number)
