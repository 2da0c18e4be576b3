import asyncio

import redis

from ci_ops.core.text.secret import Secret
from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.redis import redis_check
from tests.support.patient_health import add_patiently, patient_health
from tests.support.waiting import LIMIT_SECONDS


def test_redis_answers_by_address_and_through_the_clients_of_the_application(redis_url: str) -> None:
    async def ask() -> HealthStatus:
        async with redis.asyncio.Redis.from_url(redis_url) as later:
            add_patiently(health, redis_check(later), name="async-client")
            return (await health.report_async()).status

    health = patient_health()
    with redis.Redis.from_url(redis_url) as client:
        add_patiently(health, redis_check(redis_url, timeout_seconds=LIMIT_SECONDS))
        add_patiently(health, redis_check(Secret(redis_url), timeout_seconds=LIMIT_SECONDS), name="by-secret")
        add_patiently(health, redis_check(client), name="client")
        status = asyncio.run(ask())
        health.close()

    assert status is HealthStatus.HEALTHY
    assert [one.component_type for one in health.checks] == ["datastore"] * 4


def test_redis_that_does_not_answer_is_unhealthy_and_its_password_is_not_told(closed_port: int) -> None:
    health = HealthCheckService()
    health.add(redis_check(f"redis://:hunter2hunter2@127.0.0.1:{closed_port}/0"))

    report = health.report()
    health.close()

    assert report.status is HealthStatus.UNHEALTHY
    assert "hunter2" not in repr(report)


def test_probes_make_one_connection_not_one_each(redis_url: str) -> None:
    health = HealthCheckService()
    health.add(redis_check(redis_url), ttl_seconds=0, stale_seconds=0)
    with redis.Redis.from_url(redis_url) as client:
        for _ in range(20):
            health.report()
        connected = client.info("clients")["connected_clients"]
        health.close()

    assert connected <= 3
