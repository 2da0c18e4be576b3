import asyncio
from typing import Any

import pytest

from ci_ops.core.text.secret import Secret
from ci_ops.service import release
from ci_ops.service.health.availability import Availability
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.startup import StartupFailedError
from ci_ops.service.release import Release, current_release
from ci_ops.service.settings.configuration import (
    APIConfig,
    ApplicationConfig,
    BotConfig,
    ConfigValidator,
    Contract,
    DatabaseConfig,
    InvalidConfigurationError,
    Variable,
    application_config,
)
from ci_ops.service.settings.declared import contract_of

KEY = "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1x"
URL = "postgresql+asyncpg://shop:hunter2-hunter2@localhost/shop"
GOOD = {"DATABASE_URL": URL, "SECRET_KEY": KEY}


@pytest.fixture(autouse=True)
def _own_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release._Current, "release", Release(commit="c" * 40))


def test_the_documented_environment_is_read_as_documented() -> None:
    config = ApplicationConfig(env={**GOOD, "API_WORKERS": "2", "DB_POOL_SIZE": "5", "DB_MAX_OVERFLOW": "7"})

    assert asyncio.run(config.validate_all()) is True
    assert (config.api.host, config.api.port, config.api.workers) == ("0.0.0.0", 8000, 2)
    assert config.api.secret_key == Secret(KEY)
    assert (config.database.min_size, config.database.max_size) == (5, 12)
    assert config.database.url.reveal() == URL


def test_pool_sizes_have_the_documented_defaults() -> None:
    database = DatabaseConfig(env=GOOD)

    assert (database.min_size, database.max_size) == (10, 30)


@pytest.mark.parametrize(
    ("env", "port"), [({}, 8000), ({"PORT": "10000"}, 10000), ({"PORT": "10000", "API_PORT": "9000"}, 9000)]
)
def test_the_port_is_api_port_else_port_else_8000(env: dict[str, str], port: int) -> None:
    assert APIConfig(env={**GOOD, **env}).port == port


def test_every_problem_is_raised_at_once_and_no_value_with_it() -> None:
    config = ApplicationConfig(env={"SECRET_KEY": "hunter2-hunter2", "API_PORT": "hunter2-hunter2"})

    with pytest.raises(InvalidConfigurationError) as caught:
        asyncio.run(config.validate_all())

    assert [(each.name, each.rule) for each in caught.value.problems] == [
        ("DATABASE_URL", "missing"),
        ("API_PORT", "form"),
        ("SECRET_KEY", "weak"),
    ]
    assert "hunter2" not in str(caught.value) + repr(config.values) + repr(config.get_summary())
    assert len(config.errors) == 3
    assert (len(config.database.errors), len(config.api.errors)) == (1, 2)


def test_a_secret_key_of_31_characters_is_too_short() -> None:
    assert APIConfig(env={"SECRET_KEY": KEY[:31]}).validate() is False
    assert APIConfig(env={"SECRET_KEY": KEY}).validate() is True


def test_the_bot_s_token_is_needed_only_where_there_is_a_bot() -> None:
    config = ApplicationConfig(env=GOOD)
    assert config.validate() is True
    with pytest.raises(KeyError, match="BotConfig"):
        config.bot  # noqa: B018 - the access is the test

    config.add(BotConfig())

    assert [each.name for each in config.reading.problems] == ["BOT_TOKEN"]
    token = "123456789:" + "AAbb-_12" * 5
    with_bot = ApplicationConfig(env={**GOOD, "BOT_TOKEN": token, "ADMIN_IDS": "1, 22"}).add(BotConfig())
    assert with_bot.validate_all_sync() is True
    assert (with_bot.bot.token.reveal(), with_bot.bot.admin_ids) == (token, (1, 22))
    assert BotConfig(env={"BOT_TOKEN": token}).admin_ids == ()


def test_a_part_of_the_same_class_takes_the_place_of_the_one_before() -> None:
    config = ApplicationConfig(env={**GOOD, "DATABASE_URL": "sqlite:///shop.db"})
    assert config.validate() is False

    assert config.add(DatabaseConfig(schemes=())).validate() is True


def test_an_application_registers_its_own_variables() -> None:
    config = ApplicationConfig(env={**GOOD, "RETRIES": "3", "HOSTS": "a,b", "FLAG": "yes"})
    config.register("RETRIES", int, minimum=0)
    config.register("HOSTS", list)
    config.register("FLAG", bool, default=False)
    config.register(Variable("STRIPE_KEY", secret=True, required=False))
    config.register("RATIO", "float", default=0.5)

    assert config.validate() is True
    assert [config[key] for key in ("RETRIES", "HOSTS", "FLAG", "STRIPE_KEY", "RATIO")] == [
        3,
        ("a", "b"),
        True,
        None,
        0.5,
    ]


def test_a_registered_value_tells_its_type_default_and_problems() -> None:
    validator = ConfigValidator(Variable("A", kind="int", default=5), env={"B": "x"})
    validator.register("B", int)

    values = validator.values

    assert (values["A"].type, values["A"].default, values["A"].value) == ("int", 5, 5)
    assert (values["A"].required, values["A"].is_set, values["A"].is_valid) == (False, False, True)
    assert (values["B"].required, values["B"].is_set, values["B"].is_valid) == (True, True, False)
    assert values["B"].errors[0].startswith("B does not have the expected form")
    assert validator.get_summary() == {
        "valid": False,
        "declared": 2,
        "set": ["B"],
        "invalid": ["B"],
        "errors": list(validator.errors),
        "warnings": [],
    }


def test_a_bad_or_unknown_variable_is_not_handed_out() -> None:
    validator = ConfigValidator(Variable("A", kind="int", fallbacks=("B",)), env={"B": "x"})

    with pytest.raises(InvalidConfigurationError, match="B does not have the expected form"):
        validator["A"]
    with pytest.raises(KeyError, match="C"):
        validator["C"]


@pytest.mark.parametrize("kind", ["number", dict])
def test_a_kind_nobody_knows_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="known kinds are"):
        ConfigValidator().register("A", kind)


def test_the_environment_is_read_anew_at_each_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_NAME", raising=False)
    validator = ConfigValidator(Variable("SHOP_NAME"))
    assert validator.validate() is False

    monkeypatch.setenv("SHOP_NAME", "corner")

    assert validator.validate() is True
    assert validator["SHOP_NAME"] == "corner"


def test_a_good_configuration_leaves_its_fingerprint_in_the_release() -> None:
    config = ApplicationConfig(env=GOOD)
    config.validate()
    first = current_release().config
    assert len(first) == 16

    ApplicationConfig(env={**GOOD, "API_WORKERS": "9"}).validate()

    assert current_release().config not in {"", first}
    assert current_release().commit == "c" * 40
    assert config.fingerprint() == first


def test_without_a_key_there_is_no_fingerprint() -> None:
    config = ApplicationConfig(DatabaseConfig(env=GOOD), env=GOOD)

    assert config.validate() is True
    assert current_release().config == ""


def test_warnings_are_told_and_stop_nothing() -> None:
    url = "postgresql+asyncpg://user:pass@localhost/dbname"
    config = ApplicationConfig(env={**GOOD, "DATABASE_URL": url, "API_WROKERS": "2"})

    assert config.validate() is True
    assert [each.rule for each in config.reading.warnings] == ["placeholder", "misspelt"]
    assert len(config.warnings) == 2
    assert len(config.api.warnings) == 1


def test_the_declaration_is_written_down_for_people_and_read_by_the_pipeline() -> None:
    config = ApplicationConfig()
    config.register("STRIPE_KEY", secret=True)

    assert "\nSTRIPE_KEY=\n" in config.env_example()
    assert "| `API_PORT`, else `PORT` |" in config.documentation()
    assert [each.name for each in contract_of(config).variables] == [
        "DATABASE_URL",
        "DB_POOL_SIZE",
        "DB_MAX_OVERFLOW",
        "API_HOST",
        "API_PORT",
        "API_WORKERS",
        "SECRET_KEY",
        "STRIPE_KEY",
    ]
    assert contract_of(ApplicationConfig) == ApplicationConfig().contract
    assert contract_of(Contract()) == Contract()


def test_a_bad_configuration_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    life = ApplicationLifecycle(HealthCheckService(availability=Availability()))
    life.add_startup_check("configuration", application_config.validate_all)

    with pytest.raises(StartupFailedError, match="configuration"):
        asyncio.run(life.on_startup())

    said = life.startup_results["configuration"].message
    assert "DATABASE_URL is not set" in said
    assert "SECRET_KEY is not set: expected text" in said
