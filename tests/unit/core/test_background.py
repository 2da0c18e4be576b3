"""Work in a thread that never holds up the end of the program."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from ci_ops.core.background import in_background

HANGING = """
import threading
from ci_ops.core.background import in_background

in_background(threading.Event().wait, name="hangs")
"""


def test_the_caller_waits_as_long_as_it_wants_to() -> None:
    gate = threading.Event()
    waiting = in_background(gate.wait, name="test")
    with pytest.raises(TimeoutError):
        waiting.result(0.05)
    gate.set()
    assert waiting.result(60.0) is True


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 / 0, name="test").result(60.0)


def test_a_program_ends_while_its_background_work_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], check=False, timeout=60)
    assert done.returncode == 0
