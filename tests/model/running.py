"""Commands of ci-ops: in this process, or in a fork that dies where it is told to."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci_ops.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended, and everything it said."""

    arguments: tuple[str, ...]
    code: int
    """The exit code; negative where a signal killed it."""
    out: str
    err: str
    report: Mapping[str, Any] = field(default_factory=dict)
    """What stdout carried; empty where the command ended without a report."""

    @property
    def reason(self) -> str:
        """The report's reason; empty where there is no report."""
        return str(self.report.get("reason", ""))

    @property
    def record(self) -> Mapping[str, Any]:
        """The report's record; empty for none."""
        return self.report.get("record") or {}


@dataclass(frozen=True, kw_only=True)
class Death:
    """A signal that a run gives itself right before its nth change of the world."""

    number: signal.Signals
    at: int


@dataclass(frozen=True, kw_only=True)
class Timer:
    """SIGKILL from outside, that many seconds after a moment that the test waits for."""

    seconds: float
    since: Callable[[], bool]
    """True once the moment has come; the command may end before it."""


def run(arguments: tuple[str, ...], env: Mapping[str, str], folder: Path) -> Ran:
    """One command in this process."""
    with _as_in(env, folder), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(list(arguments))
    return _ran(arguments, code, out.getvalue(), err.getvalue())


def run_apart(
    arguments: tuple[str, ...], env: Mapping[str, str], folder: Path, *, box: Path, death: Death | None
) -> Ran:
    """One command in a fork, which writes its number into `run` and may be killed."""
    out, err = box / "stdout", box / "stderr"
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python 3.12 warns of threads: there are none that matter
        child = os.fork()
    if child == 0:
        _live_and_die(arguments, env, folder, box=box, death=death)
    _, status = os.waitpid(child, 0)
    return _ran(arguments, os.waitstatus_to_exitcode(status), out.read_text(), err.read_text())


def run_killed(arguments: tuple[str, ...], env: Mapping[str, str], folder: Path, timer: Timer) -> Ran:
    """One command as a program of its own, which is killed unless it ends before."""
    with subprocess.Popen(
        [sys.executable, "-m", "ci_ops", *arguments],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        while process.poll() is None and not timer.since():
            time.sleep(0.001)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timer.seconds)
        process.kill()
        out, _ = process.communicate()
    return _ran(arguments, process.returncode, out, "")


def _live_and_die(
    arguments: tuple[str, ...], env: Mapping[str, str], folder: Path, *, box: Path, death: Death | None
) -> None:
    code = 99
    try:
        (box / "run").write_text(f"{os.getpid()}\n")
        for stream, name in ((1, "stdout"), (2, "stderr")):
            descriptor = os.open(box / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, stream)
            os.close(descriptor)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we do
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - the same
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        with _as_in(env, folder):
            if death is not None:
                sys.addaudithook(_killer(death))
            code = main(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _killer(death: Death) -> Callable[[str, tuple[Any, ...]], None]:
    left = [death.at]

    def hook(event: str, details: tuple[Any, ...]) -> None:
        if not _changes(event, details):
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), death.number)

    return hook


def _changes(event: str, details: tuple[Any, ...]) -> bool:
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
def _as_in(env: Mapping[str, str], folder: Path) -> Iterator[None]:
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


def _ran(arguments: tuple[str, ...], code: int, out: str, err: str) -> Ran:
    try:
        report = json.loads(out)
    except ValueError:
        report = {}
    return Ran(arguments=arguments, code=code, out=out, err=err, report=report)
