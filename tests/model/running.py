"""Commands of ci-ops: in this process, in a fork that signals itself, or in a program that is killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci_ops.__main__ import main
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exit code, output and report of a command."""

    arguments: tuple[str, ...]
    code: int
    """Exit code; negative where a signal killed it."""
    out: str
    err: str
    report: Mapping[str, Any] = field(default_factory=dict)
    """The JSON document on stdout; empty where there was none."""

    @property
    def reason(self) -> str:
        """The report's reason; empty where there is no report."""
        return str(self.report.get("reason", ""))

    @property
    def record(self) -> Mapping[str, Any]:
        """The report's record; empty where there is none."""
        return self.report.get("record") or {}


@dataclass(frozen=True, kw_only=True)
class SelfSignal:
    """A signal that a run sends itself right before its nth change of files, processes or connections."""

    number: signal.Signals
    at: int


@dataclass(frozen=True, kw_only=True)
class Timer:
    """SIGKILL from outside, that many seconds after an event."""

    seconds: float
    since: Callable[[], bool]
    """Returns True once the event has happened; the command may end before it."""


def run(arguments: tuple[str, ...], env: Mapping[str, str], folder: Path) -> Outcome:
    """Run one command in this process."""
    with (
        _environment(env, folder),
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
    ):
        code = main(list(arguments))
    return _outcome(arguments, code, out.getvalue(), err.getvalue())


def run_forked(
    arguments: tuple[str, ...],
    env: Mapping[str, str],
    folder: Path,
    *,
    box: Path,
    kill: SelfSignal | None,
) -> Outcome:
    """Run one command in a fork, which writes its process id into `run` and may be killed."""
    out, err = box / "stdout", box / "stderr"
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python 3.12 warns of forks beside threads: there are none here
        child = os.fork()
    if child == 0:
        _run_child(arguments, env, folder, box=box, kill=kill)
    _, status = os.waitpid(child, 0)
    return _outcome(arguments, os.waitstatus_to_exitcode(status), out.read_text(), err.read_text())


def run_killed(arguments: tuple[str, ...], env: Mapping[str, str], folder: Path, timer: Timer) -> Outcome:
    """Run one command as a program of its own, and kill it unless it ends before."""
    with subprocess.Popen(
        [sys.executable, "-m", "ci_ops", *arguments],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        wait_until(lambda: process.poll() is not None or timer.since())
        with suppress(subprocess.TimeoutExpired):
            process.wait(timer.seconds)
        process.kill()
        out, _ = process.communicate()
    return _outcome(arguments, process.returncode, out, "")


def _run_child(
    arguments: tuple[str, ...],
    env: Mapping[str, str],
    folder: Path,
    *,
    box: Path,
    kill: SelfSignal | None,
) -> None:
    code = 99
    try:
        (box / "run").write_text(f"{os.getpid()}\n")
        for stream, name in ((1, "stdout"), (2, "stderr")):
            descriptor = os.open(box / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, stream)
            os.close(descriptor)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - the same
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        with _environment(env, folder):
            if kill is not None:
                sys.addaudithook(_killer(kill))
            code = main(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _killer(kill: SelfSignal) -> Callable[[str, tuple[Any, ...]], None]:
    left = [kill.at]

    def hook(event: str, details: tuple[Any, ...]) -> None:
        if not _is_change(event, details):
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), kill.number)

    return hook


def _is_change(event: str, details: tuple[Any, ...]) -> bool:
    if event == "open":
        flags = details[2]
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    return event in {
        "os.rename",
        "os.remove",
        "os.truncate",
        "os.mkdir",
        "subprocess.Popen",
        "socket.connect",
    }


@contextmanager
def _environment(env: Mapping[str, str], folder: Path) -> Iterator[None]:
    before, here = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def _outcome(arguments: tuple[str, ...], code: int, out: str, err: str) -> Outcome:
    try:
        report = json.loads(out)
    except ValueError:
        report = {}
    return Outcome(arguments=arguments, code=code, out=out, err=err, report=report)
