"""How GitHub's runner starts a step's process, reads it and cancels it.

Source: actions/runner 2.336, ProcessInvoker.cs.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STREAMS_CLOSE_SECONDS = 10
POLL_SECONDS = 0.01


def follow(pipe: IO[bytes], lines: list[str]) -> None:
    """Add each line of a stream until its end."""
    with pipe:
        for line in pipe:
            lines.append(line.decode("utf-8", "replace").removesuffix("\n"))  # noqa: PERF401 - seen as it comes


def run_process(
    script: Path,
    environ: dict[str, str],
    where: Path,
    lines: list[str],
    *,
    cancel_when: Callable[[list[str]], bool],
    grace_seconds: tuple[float, float],
) -> str:
    """Run bash over a script to its end: success, failure or cancelled.

    A cancellation signals this one process alone: SIGINT, a grace, SIGTERM, a
    shorter grace, SIGKILL. Both streams end up in `lines`, in order of arrival.
    """
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=where,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    pipes = (process.stdout, process.stderr)
    readers = [threading.Thread(target=follow, args=(pipe, lines), daemon=True) for pipe in pipes]
    for reader in readers:
        reader.start()
    while process.poll() is None and not cancel_when(lines):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
    was_cancelled = process.poll() is None
    for number, seconds in zip((signal.SIGINT, signal.SIGTERM), grace_seconds, strict=True):
        process.send_signal(number)  # does nothing once the process has ended
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    process.kill()
    process.wait()
    for reader in readers:
        reader.join(STREAMS_CLOSE_SECONDS)
    if was_cancelled:
        return "cancelled"
    return "failure" if process.returncode else "success"
