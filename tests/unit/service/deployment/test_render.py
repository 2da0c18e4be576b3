import asyncio
import os
from typing import Any

import pytest

from ci_ops.service.deployment.render import (
    RENDER_FLASK,
    RenderDeployment,
    configure_render_deployment,
    sanitize_url,
)
from ci_ops.service.pool import ConnectionPoolManager
from ci_ops.service.settings.configuration import Contract, Variable
from ci_ops.service.settings.validator import InvalidConfigurationError

URL = "postgresql://shop:hunter2-hunter2@db:5432/shop"
HOOK = "a deploy hook secret of some length"


def configured(**more: Any) -> tuple[RenderDeployment, ConnectionPoolManager]:
    return configure_render_deployment(URL, HOOK, **{"env": {}, **more})


def test_the_documented_call_gives_a_configuration_and_a_pool(postgres_url: str) -> None:
    config, pool_manager = configure_render_deployment(
        database_url=postgres_url, deploy_hook_secret=HOOK, min_size=1, max_size=2
    )
    try:
        with pool_manager.get_connection() as conn, conn.cursor() as cur:
            cur.execute("SELECT 1")
            assert cur.fetchone() == (1,)
        assert pool_manager.report().max_size == 2
    finally:
        pool_manager.close()
    assert config.port == int(os.environ.get("PORT", "10000"))


def test_the_environment_is_read_where_no_argument_is_given() -> None:
    env = {"DATABASE_URL": URL, "RENDER_DEPLOY_HOOK_SECRET": HOOK, "PORT": "5000", "DB_POOL_SIZE": "2"}
    config, pool = configure_render_deployment(env={**env, "DB_MAX_OVERFLOW": "3"})

    assert (config.port, config.database_url.reveal()) == (5000, URL)
    assert (pool._rules["min_size"], pool._rules["max_size"]) == (2, 5)


def test_a_release_without_its_configuration_does_not_start_and_says_everything() -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        configure_render_deployment(None, "short", env={"PORT": "five"}, contract=RENDER_FLASK)

    assert {each.name: each.rule for each in caught.value.problems} == {
        "DATABASE_URL": "missing",
        "PORT": "form",
        "FLASK_ENV": "missing",
        "OPENAI_API_KEY": "missing",
        "TWILIO_ACCOUNT_SID": "missing",
        "TWILIO_AUTH_TOKEN": "missing",
        "RENDER_DEPLOY_HOOK_SECRET": "weak",
    }
    assert "short" not in str(caught.value)


def test_an_application_adds_what_it_needs_besides() -> None:
    config, _ = configured(contract=Contract(Variable("MAIL_FROM")), env={"MAIL_FROM": "shop@example.com"})

    assert config["MAIL_FROM"] == "shop@example.com"


def test_a_signed_deploy_hook_is_valid_once_and_a_forged_one_never() -> None:
    config, _ = configured()
    headers = config.signatures.sign(b"{}")

    assert config.validate_deploy_hook(b"{}", {**headers, "webhook-id": "msg_other"}) is False
    assert config.validate_deploy_hook(b"{}", headers) is True
    assert config.validate_deploy_hook(b"{}", headers) is False
    assert config.validate_deploy_hook(b"{}", {}) is False


def test_without_a_secret_nothing_is_valid() -> None:
    config, _ = configure_render_deployment(URL, env={})

    with pytest.raises(ValueError, match="RENDER_DEPLOY_HOOK_SECRET is not set"):
        config.validate_deploy_hook(b"", {})


def test_the_gateway_has_the_secret_of_the_configuration(closed_port: int) -> None:
    config, _ = configured()
    gateway = config.deploy_gateway(f"http://127.0.0.1:{closed_port}/deploy")

    assert gateway.reply("POST", {}, b"").status == 401
    assert gateway.reply("POST", config.signatures.sign(b""), b"").status == 502


def test_health_answers_are_kept_and_forgotten_on_demand() -> None:
    config, _ = configured()
    runs: list[str] = []

    @config.cache_health_check
    def health_check() -> dict[str, str]:
        runs.append("plain")
        return {"status": "healthy"}

    @config.cache_health_check(ttl_seconds=30)
    async def health_check_async() -> dict[str, str]:
        runs.append("async")
        return {"status": "healthy"}

    for _ in range(3):
        assert health_check()["status"] == "healthy"
        assert asyncio.run(health_check_async())["status"] == "healthy"
    assert runs == ["plain", "async"]

    config.invalidate_health()
    health_check()
    assert runs == ["plain", "async", "plain"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, "postgresql://shop:***@db:5432/shop"),
        ("postgresql://shop:p@ss/word:x@db/shop", "postgresql://shop:***@db/shop"),
        ("postgresql://db/shop?user=a&password=hunter2", "postgresql://db/shop?user=a&password=***"),
        ("postgresql://shop@db/shop", "postgresql://shop@db/shop"),
        ("sqlite:///shop.db", "sqlite:///shop.db"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert sanitize_url(url) == shown


def test_the_configuration_shows_its_database_without_the_password() -> None:
    config, _ = configured()

    assert config.safe_database_url == "postgresql://shop:***@db:5432/shop"
    assert "hunter2" not in repr(config.values) + repr(config.get_summary())
