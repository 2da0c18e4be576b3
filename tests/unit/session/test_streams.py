"""Standard output whose reader goes away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TALKING = """
import sys
from ci_ops.session.streams import loss_of, outlive_readers

outlive_readers()
for stream in (sys.stdout, sys.stderr):
    print("é " + "x" * 100_000, file=stream, flush=True)
    print("more", file=stream, flush=True)
open(sys.argv[1], "w").write(f"{loss_of(sys.stdout)}|{loss_of(sys.stderr)}")
sys.exit(7)
"""


def talk(tmp_path: Path, *, stdout: int | None, stderr: int | None, close: tuple[int, ...] = ()) -> str:
    """What a program that prints a lot says of its losses, once it has ended as it wanted."""

    def close_some() -> None:
        for descriptor in close:
            os.close(descriptor)

    said = tmp_path / "said"
    ended = subprocess.run(
        [sys.executable, "-c", TALKING, str(said)],
        stdout=stdout,
        stderr=stderr,
        preexec_fn=close_some,
        check=False,
    )
    assert ended.returncode == 7
    return said.read_text()


@pytest.fixture
def unread() -> int:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_a_reader_that_had_enough_ends_nothing(tmp_path: Path, unread: int) -> None:
    assert talk(tmp_path, stdout=unread, stderr=unread) == "|"
    os.close(unread)


def test_a_full_disk_under_the_log_is_named(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        said = talk(tmp_path, stdout=full.fileno(), stderr=full.fileno())
    assert said == "No space left on device|No space left on device"


@pytest.mark.parametrize("close", [(1,), (2,), (0, 1, 2)])
def test_streams_that_were_closed_at_the_start_are_no_files_of_ours(
    tmp_path: Path, close: tuple[int, ...]
) -> None:
    assert talk(tmp_path, stdout=None, stderr=subprocess.DEVNULL, close=close) == "|"


def test_what_is_read_arrives_whole_through_a_pipe_in_non_blocking_mode(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    read: list[bytes] = []

    def collect() -> None:
        while data := os.read(reading, 1 << 16):
            read.append(data)

    reader = threading.Thread(target=collect)
    reader.start()
    said = talk(tmp_path, stdout=writing, stderr=writing)
    os.close(writing)
    reader.join()
    os.close(reading)
    assert said == "|"
    assert b"".join(read).decode() == ("é " + "x" * 100_000 + "\nmore\n") * 2
