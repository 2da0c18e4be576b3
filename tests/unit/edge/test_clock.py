"""Waiting ends with a stop request, wherever it comes from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC

import pytest

from ci_ops.core.errors import Interrupted
from ci_ops.edge.clock import RealClock, StopSignal

LONG_SECONDS = 60.0
SOON_SECONDS = 5.0


def test_a_clock_tells_the_time_in_utc_and_goes_forward() -> None:
    clock = RealClock(StopSignal())
    before = clock.monotonic()
    clock.sleep(0.01)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() >= before + 0.01


def test_a_wait_without_a_request_ends_in_time_and_says_so() -> None:
    stop = StopSignal()
    started = time.monotonic()
    assert stop.wait(0.05) is False
    assert 0.05 <= time.monotonic() - started < SOON_SECONDS
    assert stop.requested == 0
    stop.check()


def test_a_request_ends_every_wait_at_once_and_is_remembered() -> None:
    stop = StopSignal()
    clock = RealClock(stop)
    ended: list[int] = []

    def wait() -> None:
        with pytest.raises(Interrupted) as caught:
            clock.sleep(LONG_SECONDS)
        ended.append(caught.value.signal_number)

    waiting = [threading.Thread(target=wait) for _ in range(5)]
    for thread in waiting:
        thread.start()
    stop.request(signal.SIGTERM)
    for thread in waiting:
        thread.join(SOON_SECONDS)
    assert ended == [signal.SIGTERM] * 5
    with pytest.raises(Interrupted, match="stopped by signal 15"):
        clock.sleep(0)


def test_the_first_signal_is_the_one_that_counts() -> None:
    stop = StopSignal()
    stop.request(signal.SIGINT)
    stop.request(signal.SIGTERM)
    assert stop.requested == signal.SIGINT
    assert stop.wait(LONG_SECONDS) is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_signal_ends_the_main_threads_sleep(number: int) -> None:
    stop = StopSignal()
    before = signal.getsignal(number)
    with stop.listening():
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        started = time.monotonic()
        with pytest.raises(Interrupted) as caught:
            RealClock(stop).sleep(LONG_SECONDS)
    assert time.monotonic() - started < SOON_SECONDS
    assert caught.value.signal_number == number
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) is before


def test_a_thread_may_listen_and_changes_no_signal_handler() -> None:
    stop = StopSignal()
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def listen() -> None:
        with stop.listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join(SOON_SECONDS)
    assert seen == [before]


HAMMERED = """
import os, signal, threading
from ci_ops.edge.clock import StopSignal

stop = StopSignal()
with stop.listening():
    def hammer():
        for _ in range(2000):
            os.kill(os.getpid(), signal.SIGTERM)
    thread = threading.Thread(target=hammer)
    thread.start()
    while thread.is_alive():
        stop.wait(0.0001)
        StopSignal().wait(0)
    thread.join()
print(stop.requested)
"""


def test_signals_that_interrupt_a_wait_at_any_place_never_deadlock() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HAMMERED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("15\n", "")
