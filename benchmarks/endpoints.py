"""Two hundred addresses that answer after 50 ms, 32 at a time, beside `curl -Z`."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import bare_environment, in_turns, seconds_of
from benchmarks._row import CannotMeasure, Row, at_most
from ci_ops.checks._http.expect import Expectation
from ci_ops.checks.endpoints import Endpoints
from ci_ops.core.health.status import Status
from ci_ops.core.pace import Pace
from ci_ops.core.subject import Subject
from ci_ops.edge.world import RealWorld

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADDRESSES, PARALLEL, ANSWER_SECONDS, ROUNDS = 200, 32, 0.05, 9
UNLIMITED = 1_000_000.0
IDEAL_SECONDS = ADDRESSES / PARALLEL * ANSWER_SECONDS
SERVER = """
import asyncio, sys

async def talk(reader, writer):
    while await reader.readline():
        while (await reader.readline()).strip():
            pass
        await asyncio.sleep(float(sys.argv[1]))
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    writer.close()

async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())
"""
"""In a process of its own: its work is not ours, and not curl's."""


def measure() -> Iterator[Row]:
    """The check by itself, its first request included; curl with its start."""
    curl = shutil.which("curl")
    if curl is None:
        raise CannotMeasure("curl is not here: apt-get install curl")
    with slow_service() as url, TemporaryDirectory() as folder:
        paths = [f"/{number}" for number in range(ADDRESSES)]
        listed = Path(folder) / "addresses"
        listed.write_text("".join(f'url = "{url}{path}"\noutput = /dev/null\n' for path in paths))
        command = [curl, "-sSfZ", "--parallel-max", str(PARALLEL), "--config", listed]
        env = bare_environment(Path(folder))
        ours, theirs = in_turns(ROUNDS, partial(check, url, paths), partial(seconds_of, command, env=env))
    yield at_most("endpoints, 200 addresses", ours, 1.3 * IDEAL_SECONDS, peer="curl -Z", theirs=theirs)


def check(url: str, paths: Sequence[str]) -> float:
    """One run of the check in a world of its own."""
    plugin = Endpoints(paths={path: Expectation() for path in paths}, parallel=PARALLEL)
    subject = Subject(root=Path(), url=url, pace=Pace(UNLIMITED))
    world = RealWorld(env={})
    started = time.perf_counter()
    (result,) = plugin.run(subject, world)
    seconds = time.perf_counter() - started
    assert result.status is not Status.ERROR, result.sentence
    assert result.measured == len(paths), result.sentence
    return seconds


@contextmanager
def slow_service() -> Iterator[str]:
    """The address of the service."""
    command = [sys.executable, "-I", "-c", SERVER, str(ANSWER_SECONDS)]
    with Popen(command, stdout=PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(service.stdout.readline())}"
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
                yield url
        finally:
            service.terminate()
