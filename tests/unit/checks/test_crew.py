from __future__ import annotations

import threading
from functools import partial

import pytest

from ci_ops.checks._crew import Crew
from ci_ops.core.errors import Interrupted
from ci_ops.edge.clock import StopSignal


def test_every_answer_comes_back_with_its_key() -> None:
    with Crew[int, int](4, stop=StopSignal()) as crew:
        for number in range(50):
            crew.submit(number, partial(pow, number, 2))
        answers = dict(crew.next() for _ in range(50))
    assert answers == {number: number**2 for number in range(50)}


def test_no_more_than_its_size_is_done_at_once() -> None:
    running = threading.Semaphore(3)
    overfull = threading.Event()

    def work() -> None:
        if not running.acquire(blocking=False):
            overfull.set()
        threading.Event().wait(0.001)
        running.release()

    with Crew[int, None](3, stop=StopSignal()) as crew:
        for number in range(30):
            crew.submit(number, work)
        for _ in range(30):
            crew.next()
    assert not overfull.is_set()


def test_what_the_work_raises_is_raised_where_its_answer_is_awaited() -> None:
    with Crew[str, float](1, stop=StopSignal()) as crew:
        crew.submit("bad", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            crew.next()


def test_a_stop_request_ends_the_waiting_though_the_work_goes_on() -> None:
    stop, release = StopSignal(), threading.Event()
    with Crew[str, bool](1, stop=stop) as crew:
        crew.submit("hanging", release.wait)
        stop.request(15)
        with pytest.raises(Interrupted):
            crew.next()
    release.set()


def test_waiting_for_chosen_work_starts_nothing_more_and_ends_with_it() -> None:
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def program() -> None:
        started.set()
        release.wait()
        done.append("program")

    with Crew[str, None](1, stop=StopSignal()) as crew:
        crew.submit("program", program)
        crew.submit("later", lambda: done.append("later"))
        started.wait()
        threading.Timer(0.05, release.set).start()
        crew.wait_for({"program", "later"}, 10.0)
    assert done == ["program"]


def test_waiting_for_chosen_work_ends_at_its_limit() -> None:
    release = threading.Event()
    with Crew[str, bool](1, stop=StopSignal()) as crew:
        crew.submit("hanging", release.wait)
        crew.wait_for({"hanging"}, 0.15)
    assert not release.is_set()
    release.set()
