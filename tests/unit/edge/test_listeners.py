"""Who listens on a port of this machine, and whether they have ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops.checks.health import Health
from ci_ops.core.health.status import Status
from ci_ops.core.named import NamedCheck
from ci_ops.core.ports.listeners import Listeners, Servers
from ci_ops.edge.listeners import ProcListeners
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, checked, clean_env
from tests.support.jump_clock import JumpClock
from tests.support.waiting import wait_until
from tests.support.web import refusing

PORT = 8000
SERVER_USER = 12345
SERVE = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


class Proc:
    """A folder in the form of /proc, of which a test says what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net").mkdir()
        row = f"   0: 0100007F:{PORT:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  33        0 77 1"
        other = f"   1: 0100007F:{PORT + 1:04X} 00000000:0000 0A 0:0 0:0 0 33 0 78 1"
        (folder / "net" / "tcp").write_text(f"  sl  local_address rem_address   st\n{row}\n{other}\n")

    def runs(self, pid: int, *, start: int = 500, inode: int = 0, state: str = "S") -> None:
        """Have a process, which holds that socket."""
        folder = self.folder / str(pid)
        (folder / "fd").mkdir(parents=True)
        fields = " ".join(["1", *["0"] * 17, str(start), "0", "0"])
        (folder / "stat").write_text(f"{pid} (gunicorn: (a) b) {state} {fields}\n")
        if inode:
            (folder / "fd" / "5").symlink_to(f"socket:[{inode}]")

    def ends(self, pid: int) -> None:
        """Have it no longer."""
        folder = self.folder / str(pid)
        for each in sorted(folder.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
        folder.rmdir()


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


@pytest.fixture
def listeners(proc: Proc) -> ProcListeners:
    proc.runs(10, inode=77)
    proc.runs(11, inode=77)
    proc.runs(12, inode=78)
    return ProcListeners(proc=proc.folder)


def servers(listeners: Listeners) -> Servers:
    found = listeners.at(PORT)
    assert found is not None
    return found


def test_the_processes_that_hold_the_listening_socket_are_found(listeners: ProcListeners) -> None:
    found = servers(listeners)
    assert found.listening == {(10, 500), (11, 500)}
    assert found.known == {(10, 500), (11, 500), (12, 500)}
    assert found.users == {os.getuid()}
    assert listeners.at(PORT + 2) is None


def test_servers_have_ended_when_all_of_them_are_gone(proc: Proc, listeners: ProcListeners) -> None:
    before = servers(listeners)
    assert not listeners.have_ended(before)
    proc.ends(10)
    assert not listeners.have_ended(before)
    proc.ends(11)
    assert listeners.have_ended(before)


def test_a_zombie_has_ended_and_a_number_that_is_used_again_is_another_process(
    proc: Proc, listeners: ProcListeners
) -> None:
    before = servers(listeners)
    for pid in (10, 11):
        proc.ends(pid)
    proc.runs(10, state="Z")
    assert listeners.have_ended(before)
    proc.runs(11, start=900)
    assert not listeners.have_ended(before)


def test_any_new_process_of_the_user_may_be_the_server_that_starts(
    proc: Proc, listeners: ProcListeners
) -> None:
    before = servers(listeners)
    for pid in (10, 11):
        proc.ends(pid)
    proc.runs(20, start=800)
    assert not listeners.have_ended(before)
    proc.ends(20)
    assert listeners.have_ended(before)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a process's folder to another user")
def test_the_server_may_be_started_by_another_user_than_before_but_not_by_root(
    proc: Proc, listeners: ProcListeners
) -> None:
    for pid in (10, 11, 12):
        os.chown(proc.folder / str(pid), SERVER_USER, -1)
    before = servers(listeners)
    for pid in (10, 11):
        proc.ends(pid)
    proc.runs(20, start=800)
    assert listeners.have_ended(before)
    os.chown(proc.folder / "20", SERVER_USER + 1, -1)
    assert not listeners.have_ended(before)


def test_without_such_a_folder_nothing_is_known(tmp_path: Path) -> None:
    assert ProcListeners(proc=tmp_path / "none").at(PORT) is None


@linux
def test_a_real_server_is_found_while_it_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listeners = ProcListeners()
    with subprocess.Popen([sys.executable, "-c", SERVE, str(port)], stdin=subprocess.PIPE) as child:
        wait_until(lambda: listeners.at(port) is not None)
        before = listeners.at(port)
        assert before is not None
        assert {pid for pid, _ in before.listening} == {child.pid}
        assert not listeners.have_ended(before)
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
    assert listeners.at(port) is None


class WorldWith(RealWorld):
    """The real world, with another folder in the place of /proc."""

    def __init__(self, listeners: Listeners) -> None:
        super().__init__(env=clean_env(), clock=JumpClock())
        self._listeners = listeners

    @property
    def listeners(self) -> Listeners:
        return self._listeners


@pytest.mark.parametrize(("restarts", "seconds"), [(False, 20.0), (True, 120.0)])
def test_a_refusal_is_given_up_early_where_the_server_has_ended_and_waited_for_where_it_may_start(
    proc: Proc, listeners: ProcListeners, restarts: bool, seconds: float
) -> None:
    before = servers(listeners)
    for pid in (10, 11):
        proc.ends(pid)
    if restarts:
        proc.runs(30, start=900)
    check = NamedCheck(name="health", plugin=Health(interval=0.0))
    with refusing() as port:
        subject = a_subject(url=f"http://127.0.0.1:{port}/health", servers=before)
        (result,) = checked([check], subject, WorldWith(listeners), deadline_seconds=120.0)
    assert (result.status, result.seconds) == (Status.FAIL, seconds)
    assert ("the process that served it has ended" in result.findings[0].observed) is not restarts
