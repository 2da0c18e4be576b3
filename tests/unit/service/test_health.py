import asyncio
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.status import Status
from ci_ops.service.availability import Availability
from ci_ops.service.health import HealthCheckService
from ci_ops.service.health_checks.system import (
    activity_check,
    circuit_breaker_check,
    degraded_features_check,
    disk_check,
    fallback_check,
    queue_depth_check,
)
from ci_ops.service.health_checks.web import http_check
from ci_ops.service.health_model import HealthCheck, HealthStatus, Outcome
from ci_ops.service.pool import pool_check
from tests.support.service_clock import HandClock

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


class Counted:
    """A check that counts its runs and answers what it is told."""

    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.runs = 0

    def __call__(self) -> Any:
        self.runs += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class CountedAsync(Counted):
    async def __call__(self) -> Any:
        return super().__call__()


class Later:
    def __await__(self) -> Any: ...


class Hanging:
    """A check that hangs until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        self.gate.wait(30)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def health(clock: HandClock) -> HealthCheckService:
    return HealthCheckService(monotonic=clock.monotonic, now=clock.now)


@pytest.fixture
def hanging() -> Any:
    check = Hanging()
    yield check
    check.gate.set()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (None, HEALTHY),
        (True, HEALTHY),
        (False, UNHEALTHY),
        ("ok", HEALTHY),
        ("degraded", DEGRADED),
        ("perhaps", UNHEALTHY),
        (3, UNHEALTHY),
        (Status.WARN, DEGRADED),
        (Status.SKIP, DEGRADED),
        (Status.ERROR, UNHEALTHY),
        (DEGRADED, DEGRADED),
        (Outcome(status=DEGRADED), DEGRADED),
        (ValueError("no"), UNHEALTHY),
        (SystemExit(1), UNHEALTHY),
    ],
)
def test_a_check_may_answer_in_many_ways_and_what_is_no_verdict_is_unhealthy(
    health: HealthCheckService, answer: Any, status: HealthStatus
) -> None:
    health.add(Counted(answer), name="database")

    assert health.report()["database"].status is status


def test_an_optional_component_in_error_degrades_and_a_required_one_fails(health: HealthCheckService) -> None:
    health.add(Counted(False), name="mail", required=False)
    assert health.report().status is DEGRADED
    assert health.report()["mail"].message == "optional"

    health.add(Counted(OSError("refused")), name="database")
    report = health.report()

    assert (report.status, report.is_ready) == (UNHEALTHY, False)
    assert report["database"].message == "OSError: refused"


def test_messages_carry_no_secret(health: HealthCheckService) -> None:
    health.add(Counted(OSError("postgresql://shop:hunter2hunter2@db/shop is down")), name="database")
    health.add(Counted(Outcome(value="password=hunter2hunter2")), name="queue")

    report = health.report()

    assert "hunter2" not in repr(report)
    assert "db/shop is down" in report["database"].message


def test_results_are_reused_and_show_their_age(health: HealthCheckService, clock: HandClock) -> None:
    check = Counted()
    health.add(check, name="database", ttl_seconds=2, stale_seconds=0)

    health.report()
    clock.advance(1.5)
    report = health.report()
    assert (check.runs, report.age_seconds) == (1, 1.5)

    clock.advance(1)
    assert (health.report().age_seconds, check.runs) == (0, 2)


def test_a_failure_is_reused_for_a_second_only(health: HealthCheckService, clock: HandClock) -> None:
    check = Counted(False)
    health.add(check, name="database", ttl_seconds=60, stale_seconds=60)

    health.report()
    clock.advance(0.9)
    health.report()
    assert check.runs == 1

    check.answer = True
    clock.advance(0.2)
    assert health.report().status is HEALTHY


def test_who_asks_for_fresh_results_gets_none_older_than_a_second(
    health: HealthCheckService, clock: HandClock
) -> None:
    check = Counted()
    health.add(check, name="database", ttl_seconds=60)

    health.report(fresh=True)
    clock.advance(0.9)
    health.report(fresh=True)
    assert check.runs == 1

    clock.advance(0.2)
    assert health.report(fresh=True).age_seconds == 0
    assert check.runs == 2


def test_a_stale_result_is_shown_while_a_new_one_is_measured(
    health: HealthCheckService, clock: HandClock
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    go_on.set()

    def database() -> None:
        begun.set()
        go_on.wait(30)

    health.add(database, ttl_seconds=2, stale_seconds=2)
    health.report()
    begun.clear()
    go_on.clear()

    clock.advance(3)
    stale = health.report()

    assert (stale.status, stale.age_seconds) == (HEALTHY, 3)
    assert begun.wait(5)
    clock.advance(1.5)
    go_on.set()
    assert health.report().age_seconds == 0  # too old to be shown: this one waited


def test_a_hundred_probes_at_once_are_one_run(health: HealthCheckService) -> None:
    go_on = threading.Event()
    runs = []

    def database() -> None:
        runs.append(1)
        go_on.wait(5)

    health.add(database)
    with ThreadPoolExecutor(32) as pool:
        reports = [pool.submit(health.report) for _ in range(100)]
        threading.Timer(0.05, go_on.set).start()
        assert {one.result().status for one in reports} == {HEALTHY}

    assert len(runs) == 1


def test_a_hung_check_costs_one_thread_and_the_others_still_answer(hanging: Hanging) -> None:
    health = HealthCheckService()
    health.add(hanging, name="partner", timeout_seconds=0.05, required=False)
    health.add(Counted(), name="database")
    health.report()
    threads = threading.active_count()

    reports = [health.report(fresh=True) for _ in range(20)]

    assert threading.active_count() == threads
    assert hanging.runs == 1
    assert {one.status for one in reports} == {DEGRADED}
    assert reports[-1]["partner"].message == "optional: no answer within 0.05 s"
    assert reports[-1]["database"].status is HEALTHY


def test_a_run_that_expired_is_over_before_the_next_begins(hanging: Hanging, clock: HandClock) -> None:
    health = HealthCheckService(monotonic=clock.monotonic)
    health.add(hanging, name="partner", timeout_seconds=0.01)
    assert health.report().status is UNHEALTHY
    first = health._states["partner"]._run
    assert first is not None

    hanging.gate.set()
    first.finished.result(5)  # its late success says nothing: the answer came too late
    assert health.known().status is UNHEALTHY
    clock.advance(2)

    assert health.report().status is HEALTHY
    assert hanging.runs == 2


def test_when_every_worker_hangs_the_message_says_so(hanging: Hanging) -> None:
    health = HealthCheckService(max_workers=1)
    health.add(hanging, name="partner", timeout_seconds=0.05)
    health.add(Counted(), name="database", timeout_seconds=0.05)

    report = health.report()

    assert report["database"].message == "no answer within 0.05 s: all 1 health workers are busy"


def test_async_checks_run_on_the_loop_of_whoever_asks_and_leave_the_default_executor_alone() -> None:
    health = HealthCheckService()
    loops = []

    @health.check()
    async def cache() -> bool:
        loops.append(asyncio.get_running_loop())
        return True

    hanging = Hanging()
    health.add(hanging, name="partner", timeout_seconds=0.05, required=False)

    async def ask() -> None:
        reports = await asyncio.gather(*(health.report_async() for _ in range(50)))
        assert {one["cache"].status for one in reports} == {HEALTHY}
        assert loops == [asyncio.get_running_loop()]
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio_")]

    asyncio.run(ask())
    hanging.gate.set()
    assert hanging.runs == 1


def test_a_hung_async_check_is_cancelled_at_its_timeout() -> None:
    health = HealthCheckService()
    cancelled = []

    @health.check("cache", timeout_seconds=0.05)
    async def _cache() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    report = asyncio.run(health.report_async())

    assert report["cache"].message == "no answer within 0.05 s"
    assert cancelled == [1]


def test_a_timeout_of_the_driver_is_told_as_its_own_error() -> None:
    health = HealthCheckService()
    health.add(CountedAsync(TimeoutError("pool exhausted")), name="cache")

    assert asyncio.run(health.report_async())["cache"].message == "TimeoutError: pool exhausted"


def test_a_prober_that_hangs_up_does_not_cancel_the_check_of_the_others() -> None:
    health = HealthCheckService()
    go_on = asyncio.Event()

    async def ask() -> HealthStatus:
        @health.check()
        async def cache() -> None:
            await go_on.wait()

        impatient = asyncio.create_task(health.report_async())
        patient = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        go_on.set()
        return (await patient).status

    assert asyncio.run(ask()) is HEALTHY


def test_async_checks_answer_synchronous_callers_too(health: HealthCheckService) -> None:
    health.add(CountedAsync("degraded"), name="cache")
    health.add(CountedAsync(OSError("gone")), name="store")

    report = health.report()

    assert (report["cache"].status, report["store"].message) == (DEGRADED, "OSError: gone")


def test_a_run_that_died_with_its_loop_is_forgotten() -> None:
    health = HealthCheckService()

    @health.check()
    async def cache() -> None:
        await asyncio.sleep(0 if survives else 30)

    async def begin_and_leave() -> None:
        task = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        task.cancel()

    survives = False
    asyncio.run(begin_and_leave())
    survives = True

    assert asyncio.run(health.report_async()).status is HEALTHY


def test_a_check_cut_off_before_its_first_result_is_unhealthy() -> None:
    health = HealthCheckService()

    @health.check()
    async def cache() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    assert asyncio.run(health.report_async())["cache"].message == "the check was cut off"


def test_a_plain_function_that_returns_a_coroutine_is_told_what_to_do(health: HealthCheckService) -> None:
    health.add(partial(CountedAsync().__call__), name="fine")
    health.add(Counted(CountedAsync()()), name="hidden")
    health.add(Counted(Later()), name="awaitable")

    report = health.report()

    assert report["fine"].status is HEALTHY
    assert "async def" in report["hidden"].message
    assert "async def" in report["awaitable"].message


def test_report_refuses_to_block_an_event_loop(health: HealthCheckService) -> None:
    async def ask() -> None:
        health.report()

    with pytest.raises(RuntimeError, match="report_async"):
        asyncio.run(ask())


def test_a_slow_answer_is_degraded(health: HealthCheckService, clock: HandClock) -> None:
    health.add(lambda: clock.advance(0.2), name="database", slow_seconds=0.1)

    database = health.report()["database"]

    assert (database.status, database.message) == (DEGRADED, "answered in 0.200 s, expected within 0.1 s")
    assert database.response_time_ms == pytest.approx(200)


def test_flapping_is_damped_both_ways(health: HealthCheckService, clock: HandClock) -> None:
    check = Counted()
    health.add(check, name="partner", failures_to_fail=3, passes_to_recover=2)

    def ask(answer: bool) -> tuple[HealthStatus, str]:
        check.answer = answer
        clock.advance(10)
        partner = health.report()["partner"]
        return partner.status, partner.message

    assert ask(True) == (HEALTHY, "")
    assert ask(False) == (DEGRADED, "failure 1 of 3")
    assert ask(True) == (HEALTHY, "")
    assert [ask(False)[0] for _ in range(3)] == [DEGRADED, DEGRADED, UNHEALTHY]
    assert ask(True) == (UNHEALTHY, "recovering, 1 of 2 good results")
    assert ask(False)[0] is UNHEALTHY
    assert [ask(True)[0] for _ in range(2)] == [UNHEALTHY, HEALTHY]


def test_the_first_result_counts_at_once_so_a_new_instance_is_not_ready_by_damping(
    health: HealthCheckService,
) -> None:
    health.add(Counted(False), name="partner", failures_to_fail=3)

    assert health.report().status is UNHEALTHY


def test_since_tells_when_the_status_began(
    health: HealthCheckService, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    check = Counted()
    health.add(check, name="database")
    caplog.set_level(logging.INFO, "ci_ops.service.health")
    began = clock.now()
    for answer in (True, True, False, True):
        check.answer = answer
        clock.advance(10)
        health.report()

    database = health.report()["database"]

    assert (database.since - began).total_seconds() == 40
    assert [record.getMessage() for record in caplog.records] == [
        "health of database is now unhealthy",
        "health of database is now healthy",
    ]


def test_groups_select_by_tag_and_by_name(health: HealthCheckService) -> None:
    for name, tags in (
        ("database", ("ready", "orders")),
        ("mail", ()),
        ("deadlock", ("live",)),
        ("stripe", ("payments",)),
    ):
        health.add(Counted(), name=name, tags=tags)
    health.group("orders", "mail", tags=["orders"])

    names = {group: [one.name for one in health.report(group).components] for group in health.groups}

    assert names == {
        "live": ["deadlock"],
        "ready": ["database"],
        "check": ["database", "mail", "deadlock", "stripe"],
        "orders": ["database", "mail"],
        "payments": ["stripe"],
    }


def test_a_group_with_an_unknown_member_fails_at_start(health: HealthCheckService) -> None:
    health.add(Counted(), name="database")

    with pytest.raises(ValueError, match="there is no health check 'databse'; did you mean database"):
        health.group("orders", "databse")
    with pytest.raises(ValueError, match=r"no health check 'zzz'$"):
        health.group("orders", "zzz")
    with pytest.raises(KeyError):
        health.report("orders")


def test_the_answer_of_an_empty_group_is_a_policy() -> None:
    health = HealthCheckService(on_empty=DEGRADED)
    health.group("orders", on_empty=UNHEALTHY)

    assert (health.report("ready").status, health.report("orders").status) == (DEGRADED, UNHEALTHY)


def test_a_check_named_by_a_group_cannot_be_removed(health: HealthCheckService) -> None:
    health.add(Counted(), name="database")
    health.add(Counted(), name="mail")
    health.group("orders", "database")

    with pytest.raises(ValueError, match="'orders'"):
        health.remove("database")
    health.remove("mail")

    assert [one.name for one in health.checks] == ["database"]
    with pytest.raises(ValueError, match="no health check 'mail'"):
        health.remove("mail")


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("a/b", {}, "is named by"),
        ("", {}, "is named by"),
        ("x", {"tags": ("ready", "metrics")}, "no group can be called 'metrics'"),
        ("x", {"timeout_seconds": 0}, "above 0"),
        ("x", {"timeout_seconds": 5}, "above the deadline"),
        ("x", {"ttl_seconds": -1}, "not negative"),
        ("x", {"failures_to_fail": 0}, "counted from 1"),
        ("database", {}, "already"),
    ],
)
def test_a_bad_registration_fails_at_once(
    health: HealthCheckService, name: str, options: dict[str, Any], complaint: str
) -> None:
    health.add(Counted(), name="database")
    nameless = Counted()

    with pytest.raises(ValueError, match=complaint):
        health.add(nameless, name=name, **options)


def test_an_unknown_option_is_named(health: HealthCheckService) -> None:
    with pytest.raises(TypeError, match="'tll_seconds'"):
        health.add(Counted(), name="database", tll_seconds=3)


def test_a_check_brings_its_own_name_and_defaults(health: HealthCheckService) -> None:
    class Disk:
        name = "disk"
        options: ClassVar = {"component_type": "system", "required": False}

        def __call__(self) -> bool:
            return True

    @health.check(required=False)
    def order_queue() -> None: ...

    assert health.add(Disk(), required=True) == HealthCheck(
        name="disk", call=health.checks[-1].call, component_type="system", required=True
    )
    assert health.checks[0].name == "order-queue"


def test_a_draining_process_is_not_ready_and_spares_its_dependencies(health: HealthCheckService) -> None:
    check = Counted()
    health.add(check, name="database")
    health.availability.drain()
    health.availability.accept()

    report = health.report("ready")

    assert (report.status, report.refusal, check.runs) == (UNHEALTHY, "draining", 0)
    assert health.report("live").status is HEALTHY


def test_liveness_is_a_state_of_its_own_and_no_dependency_breaks_it(health: HealthCheckService) -> None:
    health.add(Counted(False), name="database")
    assert health.report("live").status is HEALTHY

    health.availability.condemn("the worker is deadlocked")

    assert health.report("live").refusal == "the worker is deadlocked"
    assert health.report("ready").refusal == "the worker is deadlocked"


def test_readiness_is_refused_and_wanted_again(health: HealthCheckService) -> None:
    health.availability.refuse("starting")
    refused = health.report("ready")
    health.availability.accept()

    assert (refused.refusal, health.report("ready").status) == ("starting", HEALTHY)


def test_a_drain_file_takes_the_process_out_while_it_exists(tmp_path: Any) -> None:
    health = HealthCheckService(availability=Availability(drain_file=tmp_path / "drain"))
    before = health.report("ready").is_ready
    (tmp_path / "drain").touch()

    assert (before, health.report("ready").refusal) == (True, "draining")


def test_the_last_results_are_known_without_running_anything(
    health: HealthCheckService, clock: HandClock
) -> None:
    check = Counted()
    health.add(check, name="database")
    assert health.known().components == ()

    health.report()
    clock.advance(100)

    assert (health.known().age_seconds, check.runs) == (100, 1)
    with pytest.raises(KeyError):
        health.known()["mail"]


def test_by_default_readiness_shows_nothing_older_than_five_seconds() -> None:
    built_in = [
        activity_check(lambda: 1),
        circuit_breaker_check(),
        degraded_features_check(),
        disk_check(),
        fallback_check(lambda: False),
        queue_depth_check(lambda: 1),
        http_check("http://localhost/"),
        pool_check(None),
    ]
    health = HealthCheckService()
    health.add(Counted(), name="plain")
    for check in built_in:
        health.add(check)

    assert max(check.ttl_seconds + check.stale_seconds for check in health.checks) == 5
    assert max(check.failure_ttl_seconds for check in health.checks) == 1


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_damping_turns_after_exactly_so_many_results_in_a_row(
    answers: list[bool], fall: int, rise: int
) -> None:
    clock = HandClock()
    health = HealthCheckService(monotonic=clock.monotonic, now=clock.now)
    check = Counted()
    health.add(check, name="partner", failures_to_fail=fall, passes_to_recover=rise)
    believed = answers[0]
    for index, answer in enumerate(answers):
        check.answer = answer
        clock.advance(10)
        shown = health.report()["partner"].status
        needed = rise if answer else fall
        if index and answers[max(0, index - needed + 1) : index + 1] == [answer] * needed:
            believed = answer
        expected = HEALTHY if believed and answer else (DEGRADED if believed else UNHEALTHY)
        assert shown is expected


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_worker_starts_with_threads_of_its_own(hanging: Hanging) -> None:
    health = HealthCheckService()
    health.add(hanging, name="partner", timeout_seconds=0.05)
    health.add(lambda: None, name="fine")
    health.report()

    child = os.fork()
    if child == 0:
        hanging.gate.set()
        healthy = health.report(fresh=True)["partner"].message == "no answer within 0.05 s"
        os._exit(0 if healthy and health.report()["fine"].status is HEALTHY else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
