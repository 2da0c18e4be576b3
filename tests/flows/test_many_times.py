"""One process may deploy and notify as often as it wants to: nothing is left behind each time."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci_ops.core.event import Outcome
from ci_ops.core.report import Report
from ci_ops.flows._job import Job
from ci_ops.flows._run import Run
from ci_ops.flows._transaction import accept, begin, under_lease
from tests.support.shop import ONE, Shop
from tests.support.waiting import wait_until

ROUNDS = 200
WARM_UP = 10
ROUNDS_WITH_A_PROGRAM = 20
MAX_NEW_OBJECTS = 100
"""Half an object a round: the caches of libraries, and nothing that a round leaves behind."""


def transaction(job: Job, *, starts_program: bool) -> Report:
    """Run a transaction from the lease to the last message; nothing is verified, which takes its time."""
    run = Run(job, "deploy")

    def work(guard: Callable[[], None]) -> Report:
        record, journal = begin(run, job.new_record(revision=ONE))
        if starts_program and run.target is not None:
            run.executor(journal, record, guard).run(run.target.deploy_steps(record))
        journal.applied()
        return accept(run, record, journal, "ok")

    return under_lease(run, "deploy", work)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def collected_objects() -> int:
    gc.collect()
    return len(gc.get_objects())


@pytest.fixture
def no_log() -> Iterator[None]:
    """pytest keeps every record of the log, and a test before this one may have left it at DEBUG."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def no_tracers() -> Iterator[None]:
    """Coverage keeps a tracer with its data for each thread, ended or not; threads of this test get none."""
    tracer = threading.gettrace()
    threading.settrace(None)
    yield
    threading.settrace(tracer)


@pytest.mark.usefixtures("no_log", "no_tracers")
def test_two_hundred_transactions_leave_nothing_behind(shop: Shop) -> None:
    job = shop.open("deploy").job
    for number in range(WARM_UP):
        transaction(job, starts_program=number % 2 == 0)
    shop.service.messages.clear()
    threads, files, objects = threading.active_count(), open_files(), collected_objects()
    for number in range(ROUNDS):
        report = transaction(job, starts_program=number % (ROUNDS // ROUNDS_WITH_A_PROGRAM) == 0)
        assert [each.outcome for each in report.deliveries] == [Outcome.DELIVERED]
    assert len(shop.service.messages) == ROUNDS
    shop.service.messages.clear()
    wait_until(lambda: threading.active_count() <= threads)
    wait_until(lambda: open_files() <= files)
    assert collected_objects() - objects < MAX_NEW_OBJECTS
