"""The ground the tests stand on: parts, environment and network guard."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NetworkRefused, is_loopback
from tests.support import parts

ASKS_FOR_A_MISSING_PART = """
from tests.support import parts

parts.TABLE["anvil"] = parts.Part(name="anvil", install="apt-get install anvil", find=lambda: None)

def test_with_an_anvil() -> None:
    assert parts.require("anvil")

def test_without() -> None:
    assert True
"""


def run_pytest(folder: Path, *, ci: str, workers: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own over one file, with this project's conftest as a plugin."""
    (folder / "test_anvil.py").write_text(ASKS_FOR_A_MISSING_PART)
    (folder / "empty.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        "empty.ini",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*command, "-n", workers, "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(parts.ROOT), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_missing_part_is_a_skip_that_names_its_install_line(tmp_path: Path, workers: str) -> None:
    done = run_pytest(tmp_path, ci="", workers=workers)
    assert done.returncode == 0, done.stdout
    assert "missing parts" in done.stdout
    assert "\nmissing part anvil: apt-get install anvil\n" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_on_ci_a_missing_part_is_a_failure(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, ci="true", workers="0")
    assert done.returncode == 1
    assert "missing part anvil: apt-get install anvil" in done.stdout
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]


def test_on_ci_any_skip_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("import pytest\n\ndef test_later():\n    pytest.skip('later')\n")
    (tmp_path / "empty.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "empty.ini", "-p", "tests.conftest", "test_other.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(parts.ROOT), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: 1 skipped with CI=true" in done.stdout


@pytest.mark.parametrize(
    ("address", "stays_here"),
    [
        (("127.0.0.1", 80), True),
        (("127.9.9.9", 80), True),
        (("::1", 80, 0, 0), True),
        (("::ffff:127.0.0.1", 80, 0, 0), True),
        (("localhost", 80), True),
        (("", 80), True),
        ("/run/a.socket", True),
        (("192.0.2.1", 80), False),
        (("10.0.0.1", 80), False),
        (("fe80::1%eth0", 80, 0, 2), False),
        (("example.org", 80), False),
    ],
)
def test_only_this_machine_counts_as_loopback(address: object, *, stays_here: bool) -> None:
    assert is_loopback(address) is stays_here


def test_a_connection_to_the_outside_is_refused_at_once() -> None:
    with socket.socket() as outward, pytest.raises(NetworkRefused, match=r"loopback only.*192\.0\.2\.1"):
        outward.connect(("192.0.2.1", 80))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, pytest.raises(NetworkRefused):
        datagram.sendto(b"hello", ("192.0.2.1", 53))


def test_loopback_and_unix_sockets_stay_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    left, right = socket.socketpair()
    with left, right, socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as calling:
        listening.bind(os.path.relpath(tmp_path / "s"))
        listening.listen()
        calling.connect(os.path.relpath(tmp_path / "s"))
        left.sendall(b"x")
        assert right.recv(1) == b"x"


def test_the_environment_of_a_test_is_clean() -> None:
    told = {name for name in os.environ if name.startswith(("GITHUB_", "RUNNER_", "CI_OPS_", "INPUT_"))}
    assert not told
    assert "CI" not in os.environ
    assert not list(Path.home().iterdir())
    assert os.environ["XDG_CACHE_HOME"].startswith(str(Path.home()))


def test_every_part_says_how_it_is_had() -> None:
    assert all(part.install and part.name == name for name, part in parts.TABLE.items())
    assert parts.require("git").is_file()


def test_this_python_is_among_those_that_are_found() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert parts.pythons()[version] == Path(sys.executable)
