from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import AliasChoices, BaseModel, Field, PostgresDsn, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ci_ops.core.contract.variables import Contract, Variable
from ci_ops.service.settings.declared import contract_of
from ci_ops.service.settings.settings_class import is_settings_class


class Mail(BaseModel):
    host: str
    port: int = 25


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="shop_", env_nested_delimiter="__")

    secret_key: SecretStr = Field(min_length=32, description="Signs things.")
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    ratio: float = 0.5
    debug: bool = False
    mode: Literal["fast", "safe"] = "safe"
    name: str = Field(max_length=20)
    database_url: PostgresDsn = Field(validation_alias=AliasChoices("DATABASE_URL", "PG_URL"))
    token: SecretStr | None = None
    hosts: list[str] = []
    odd: int | str | None = None
    mail: Mail


SETTINGS: Any = Settings  # the values come from the environment, which type checkers do not know
EXPECTED = Contract(
    Variable("SHOP_SECRET_KEY", secret=True, min_length=32, description="Signs things."),
    Variable("SHOP_PORT", kind="int", minimum=1, maximum=65535, required=False),
    Variable("SHOP_RATIO", kind="float", required=False),
    Variable("SHOP_DEBUG", kind="bool", required=False),
    Variable("SHOP_MODE", kind="choice", choices=("fast", "safe"), required=False),
    Variable("SHOP_NAME", max_length=20),
    Variable("DATABASE_URL", kind="url", fallbacks=("PG_URL",)),
    Variable("SHOP_TOKEN", secret=True, required=False),
    Variable("SHOP_HOSTS", required=False),
    Variable("SHOP_ODD", required=False),
    Variable("SHOP_MAIL__HOST"),
    Variable("SHOP_MAIL__PORT", kind="int", required=False),
)
GOOD = {
    "SHOP_SECRET_KEY": "k" * 32,
    "SHOP_NAME": "corner",
    "DATABASE_URL": "postgresql://db/shop",
    "SHOP_MAIL__HOST": "mail",
}


def test_a_settings_class_is_read_as_a_contract() -> None:
    assert contract_of(Settings) == EXPECTED


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"SHOP_SECRET_KEY": "hunter2"},
        {"SHOP_NAME": ""},
        {"SHOP_PORT": "0"},
        {"SHOP_MODE": "slow"},
        {"DATABASE_URL": "nowhere"},
        {"SHOP_NAME": "x" * 21},
        {"SHOP_MAIL__PORT": "x"},
    ],
)
def test_pydantic_and_the_contract_agree(monkeypatch: pytest.MonkeyPatch, change: dict[str, str]) -> None:
    env = {name: value for name, value in {**GOOD, **change}.items() if value}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    try:
        SETTINGS()
        is_good = True
    except ValidationError:
        is_good = False

    assert (EXPECTED.validate(env).problems == ()) is is_good
    assert is_good is (not change)


def test_a_class_that_minds_the_case_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exact(BaseSettings):
        model_config = SettingsConfigDict(case_sensitive=True, env_prefix="Shop_")

        name: str

    assert contract_of(Exact) == Contract(Variable("Shop_name"))
    monkeypatch.setenv("SHOP_NAME", "corner")
    with pytest.raises(ValidationError):
        cast("Any", Exact)()


def test_nothing_else_is_a_settings_class() -> None:
    assert is_settings_class(Settings)
    assert not is_settings_class(Settings.model_fields)
    assert not is_settings_class(Contract)
