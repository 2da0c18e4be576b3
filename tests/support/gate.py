"""Holds a command where it is about to write a given line of a journal, until a signal comes.

Copied into an environment as `sitecustomize.py`, which `python -I` loads too:
the action, its bootstrap and the command run unchanged. GATE_LINE says which
line of a journal, counted from this command's first; GATE_MARK is the file
that appears once the command is held there.
"""

from __future__ import annotations

import os
import select
import signal
import sys


def hold(mark: str) -> None:
    """Say that it is held, and wait until a signal has been handled."""
    waiting, told = os.pipe()
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told)
    os.close(os.open(mark, os.O_CREAT | os.O_WRONLY))
    select.select([waiting], [], [], 30)
    signal.set_wakeup_fd(before)


def watch(line: int, mark: str) -> None:
    """Look at every file that is opened to be added to."""
    seen = 0

    def look(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event != "open" or not str(arguments[0]).endswith(".journal.jsonl"):
            return
        if isinstance(arguments[2], int) and arguments[2] & os.O_APPEND:
            seen += 1
            if seen == line:
                hold(mark)

    sys.addaudithook(look)


if os.environ.get("GATE_MARK"):
    watch(int(os.environ["GATE_LINE"]), os.environ["GATE_MARK"])
