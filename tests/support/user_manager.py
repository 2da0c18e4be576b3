"""Starts real servers by their systemd unit files, where no systemd can run.

`systemctl --user start|stop|reload|restart NAME` and `journalctl` are programs
in `bin`; they talk to a thread that reads the units as systemd does: the
socket is held across restarts, a unit that is not active cannot be reloaded.
Source: systemd.service(5), systemd.socket(5), sd_listen_fds(3).
"""

from __future__ import annotations

import configparser
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLIENT = """\
#!{python}
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({path!r})
    asked.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    code, said = json.loads(asked.makefile().readline())
sys.stderr.write(said)
sys.exit(code)
"""
_RUN = """
import os, sys
listening, folder, *command = sys.argv[1:]
if listening != "-":
    os.dup2(int(listening), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.chdir(folder)
os.execv(command[0], command)
"""
_CLEAN_SIGNALS = {-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGPIPE}
"""How a service may end cleanly, besides by code 0. Source: systemd.service(5), SuccessExitStatus=."""


class UserManager:
    """The services of one user."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.units = folder / "units"
        self.bin = folder / "bin"
        self.log = folder / "journal"
        self._env = env
        self._sockets: dict[str, socket.socket] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for path in (self.units, self.bin):
            path.mkdir(parents=True)
        self.log.touch()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / "door"))
        self._door.listen()
        self._program("systemctl", _CLIENT.format(python=sys.executable, path=str(folder / "door")))
        self._program("journalctl", f"#!/bin/sh\nexec tail -n 50 {shlex.quote(str(self.log))}\n")

    def _program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def main_pid(self, name: str) -> int:
        """The process that systemd would call MAINPID; 0 when it is not active."""
        running = self._running.get(name)
        return running.pid if running is not None and running.poll() is None else 0

    def restarts(self, name: str) -> bool:
        """Return True when systemd would restart that ended service. Source: systemd.service(5), Restart=."""
        code = self._running[name].wait()
        return self._service(name)["Restart"] == "always" or code not in {0, *_CLEAN_SIGNALS}

    def serve(self) -> None:
        """Answer one `systemctl` after the other until the door is shut."""
        with suppress(OSError):
            while True:
                asked, _ = self._door.accept()
                with asked:
                    words = [word for word in json.loads(asked.makefile().readline()) if word != "--user"]
                    asked.sendall(json.dumps(self._obey(*words)).encode() + b"\n")

    def _obey(self, verb: str, name: str) -> tuple[int, str]:
        if verb == "reload":
            return self._reload(name)
        if verb in {"stop", "restart"}:
            self._stop(name)
        if verb in {"start", "restart"} and not self.main_pid(name):
            self._start(name)
        return 0, ""

    def _reload(self, name: str) -> tuple[int, str]:
        pid = self.main_pid(name)
        if not pid:
            return 1, f"{name}.service is not active, cannot reload.\n"
        command = self._service(name)["ExecReload"].replace("$MAINPID", str(pid))
        return subprocess.run(shlex.split(command), check=False).returncode, ""

    def _start(self, name: str) -> None:
        service = self._service(name)
        listening = self._listening(name)
        number = "-" if listening is None else str(listening.fileno())
        with self.log.open("ab") as log:
            self._running[name] = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _RUN,
                    number,
                    service["WorkingDirectory"],
                    *shlex.split(service["ExecStart"]),
                ],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[] if listening is None else [listening.fileno()],
                start_new_session=True,
            )

    def _stop(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is None:
            return
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(float(self._service(name)["TimeoutStopSec"]))
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()

    def _listening(self, name: str) -> socket.socket | None:
        path = self.units / f"{name}.socket"
        if path.exists() and name not in self._sockets:
            host, _, port = _read(path)["Socket"]["ListenStream"].rpartition(":")
            self._sockets[name] = socket.create_server((host, int(port)))
        return self._sockets.get(name)

    def _service(self, name: str) -> configparser.SectionProxy:
        return _read(self.units / f"{name}.service")["Service"]

    def close(self) -> None:
        """Stop every service and shut the door."""
        for name in list(self._running):
            self._stop(name)
        for each in (*self._sockets.values(), self._door):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def user_manager(folder: Path, env: dict[str, str]) -> Iterator[UserManager]:
    """A manager that answers until the block ends."""
    manager = UserManager(folder, env)
    thread = threading.Thread(target=manager.serve, name="user manager")
    thread.start()
    try:
        yield manager
    finally:
        manager.close()
        thread.join()


def _read(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(
        interpolation=None, strict=True, comment_prefixes=("#",), delimiters=("=",)
    )
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    return unit
