import logging
import threading
from typing import Any, ClassVar

import pytest

from ci_ops.core.health.status import Status
from ci_ops.service.health.availability import Availability
from ci_ops.service.health.model import HealthCheck, HealthStatus, Outcome
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.system import (
    activity_check,
    circuit_breaker_check,
    degraded_features_check,
    disk_check,
    fallback_check,
    queue_depth_check,
)
from ci_ops.service.health_checks.web import http_check
from ci_ops.service.pool import pool_check
from tests.support.counted_checks import Counted
from tests.support.service_clock import HandClock

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


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


def test_a_slow_answer_is_degraded(health: HealthCheckService, clock: HandClock) -> None:
    health.add(lambda: clock.advance(0.2), name="database", slow_seconds=0.1)

    database = health.report()["database"]

    assert (database.status, database.message) == (DEGRADED, "answered in 0.200 s, expected within 0.1 s")
    assert database.response_time_ms == pytest.approx(200)


def test_since_tells_when_the_status_began(
    health: HealthCheckService, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    check = Counted()
    health.add(check, name="database")
    caplog.set_level(logging.INFO, "ci_ops.service.health.service")
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
    health.group("orders", on_empty=HEALTHY)

    assert (health.report("ready").status, health.report("orders").status) == (DEGRADED, HEALTHY)


@pytest.mark.parametrize("name", ["orders", "ready"])
def test_a_group_whose_tag_nobody_has_is_not_healthy(health: HealthCheckService, name: str) -> None:
    health.add(Counted(), name="database", tags=("order",))
    health.group(name, tags=("ordres",))

    assert health.report(name).status is UNHEALTHY
    assert health.report(name).refusal == f"no check belongs to the group {name}"


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
    assert health.last_report().components == ()

    health.report()
    clock.advance(100)

    assert (health.last_report().age_seconds, check.runs) == (100, 1)
    with pytest.raises(KeyError):
        health.last_report()["mail"]


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
