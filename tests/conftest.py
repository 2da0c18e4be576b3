"""What every test may rely on: a clean environment, a home of its own, no network but loopback.

At the end of a run the missing parts are listed. With CI=true a skipped test
fails the run, because a test that did not run proves nothing.
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")

from tests.support.parts import MISSING, ON_CI  # noqa: E402 - the rewriting comes first

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("any-machine", deadline=None)  # how long an example takes says how busy it is
settings.load_profile("any-machine")

SCRUBBED_PREFIXES = (
    "ACTIONS_",
    "CI_OPS_",
    "DEPLOYMENT_",
    "GIT_",
    "GITHUB_",
    "INPUT_",
    "PIP_",
    "RUNNER_",
    "UV_",
)
SCRUBBED_NAMES = {
    "CI",
    "COLUMNS",
    "CURL_CA_BUNDLE",
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two workers a core: most tests wait for servers and child processes."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


class NetworkRefused(RuntimeError):
    """A test tried to reach something that is not this machine."""


def is_loopback(address: object) -> bool:
    """True for what stays on this machine: loopback, Unix sockets, no address at all."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0]).partition("%")[0]
    if host in {"", "localhost"}:
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_loopback or ip.is_unspecified


def guard(name: str) -> None:
    """Let one method of sockets talk to loopback alone.

    Not an audit hook: with one, Python 3.11 loses threads that start under
    coverage's tracer (python/cpython issue 98257).
    """
    outward = getattr(socket.socket, name)

    @functools.wraps(outward)
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = next((each for each in reversed(arguments) if isinstance(each, tuple)), None)
        if not is_loopback(address):
            raise NetworkRefused(f"tests talk to loopback only; this one tried {address}")
        return outward(self, *arguments)

    setattr(socket.socket, name, guarded)


for each_way in ("connect", "connect_ex", "sendto", "sendmsg"):
    guard(each_way)


def scrub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out of the environment what would make one machine's run differ from another's."""
    for name in list(os.environ):
        if name in SCRUBBED_NAMES or name.startswith(SCRUBBED_PREFIXES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same clean environment for the servers that live as long as the run."""
    homes = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as monkeypatch:
        scrub(monkeypatch)
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        for name, value in (
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "tests"),
            ("GIT_AUTHOR_EMAIL", "tests@localhost"),
            ("GIT_COMMITTER_NAME", "tests"),
            ("GIT_COMMITTER_EMAIL", "tests@localhost"),
        ):
            monkeypatch.setenv(name, value)
        yield homes


_home_number = itertools.count()


@pytest.fixture(autouse=True)
def _own_home(_clean_session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder and XDG folders for this test alone, not made before they are used."""
    home = _clean_session / str(next(_home_number))
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def missing_parts(skipped: list[Any]) -> list[str]:
    """The different "missing part …" lines among the reports of skipped tests."""
    reasons = {str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}
    return sorted(f"{MISSING}{reason.partition(MISSING)[2]}" for reason in reasons if MISSING in reason)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true a run with a skipped test has failed, and its exit code says so."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if ON_CI and terminal is not None and terminal.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the parts that this machine lacks, and with CI=true every skip as a failure."""
    skipped = terminalreporter.stats.get("skipped", [])
    parts = missing_parts(skipped)
    if parts:
        terminalreporter.section("missing parts")
        for line in parts:
            terminalreporter.write_line(line)
    if skipped and ON_CI:
        terminalreporter.write_line(
            f"error: {len(skipped)} skipped with CI=true; nothing may be skipped there", red=True
        )
