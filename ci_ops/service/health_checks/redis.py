"""A check of Redis or Valkey, through the application's client or by address."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.secret import Secret
from ci_ops.service.health_checks.built_in import built_in

if TYPE_CHECKING:
    from ci_ops.service.health.model import Check

SLOW_SECONDS = 0.1


def redis_check(client: Any, *, timeout_seconds: float = 0.7) -> Check:
    """Check that a sync or async client, or an address, answers PING.

    For an address one connection is opened for the check alone, so a busy
    application pool cannot make it fail.
    """
    rules: dict[str, Any] = {"component_type": "datastore", "slow_seconds": SLOW_SECONDS}
    if isinstance(client, Secret | str):
        address = client.reveal() if isinstance(client, Secret) else client
        module = import_module("redis")
        client = module.Redis.from_url(
            address,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            max_connections=1,
        )
        rules["close"] = client.close
    if inspect.iscoroutinefunction(client.execute_command):

        async def ping_async() -> bool:
            return bool(await client.ping())

        return built_in(ping_async, "redis", **rules)

    def ping() -> bool:
        return bool(client.ping())

    return built_in(ping, "redis", **rules)
