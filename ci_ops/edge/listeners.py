"""Processes of this machine that listen on a port, and whether they have ended (Linux: `/proc`)."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.ports.listeners import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTENS = "0A"
"""The state of a listening socket. Source: Linux, include/net/tcp_states.h (TCP_LISTEN)."""
ROOT = 0
PidAndStart = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcListeners:
    """The Listeners port for `/proc`; it sees only what this user may see."""

    proc: Path = Path("/proc")

    def at(self, port: int) -> Servers | None:
        """Return the processes that listen on that port; None where none are visible."""
        sockets = frozenset(self._listening_sockets(port))
        found = {pid for pid in self._pids() if sockets and self._has_open(pid, sockets)}
        users = frozenset(user for pid in found if (user := self._user(pid)) is not None)
        known = frozenset(self._running(users))
        listening = frozenset(each for each in known if each[0] in found)
        return Servers(listening=listening, users=users, known=known) if listening else None

    def have_ended(self, servers: Servers) -> bool:
        """Return True when these processes are gone and no process that may serve was started since."""
        now = frozenset(self._running(servers.users))
        return servers.listening.isdisjoint(now) and now <= servers.known

    def _listening_sockets(self, port: int) -> Iterator[str]:
        """Return the sockets that listen on that port, as named in a process's `fd`."""
        end = f":{port:04X}"
        for table in ("net/tcp", "net/tcp6"):
            with suppress(OSError):
                for line in (self.proc / table).read_text("ascii").splitlines()[1:]:
                    fields = line.split(maxsplit=10) if end in line else []
                    if fields and fields[3] == _LISTENS and fields[1].endswith(end):
                        yield f"socket:[{fields[9]}]"

    def _pids(self) -> Iterator[int]:
        with suppress(OSError):
            yield from (int(each.name) for each in self.proc.iterdir() if each.name.isdecimal())

    def _has_open(self, pid: int, sockets: frozenset[str]) -> bool:
        """Return True when the process has one of these sockets open."""
        with suppress(OSError), os.scandir(self.proc / str(pid) / "fd") as links:
            return any(_target(each.path) in sockets for each in links)
        return False  # it has ended, or belongs to another user

    def _user(self, pid: int) -> int | None:
        try:
            return (self.proc / str(pid)).stat().st_uid
        except OSError:
            return None

    def _running(self, users: frozenset[int]) -> Iterator[PidAndStart]:
        """Yield every process that may be a server, with its start time: process ids are reused.

        A deployment may start the server as another user than before, but hardly as root, which runs
        the machine's own jobs; root counts where the server was its process. Zombies serve nothing.
        """
        for pid in self._pids():
            if (user := self._user(pid)) is None or (user == ROOT and ROOT not in users):
                continue
            with suppress(OSError, ValueError, IndexError):
                state, *fields = (
                    (self.proc / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                )
                if state not in {"Z", "X"}:
                    yield pid, int(fields[18])


def _target(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115 - a host has thousands of open files, and a Path costs ten times the call
    except OSError:  # closed meanwhile
        return ""
