from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.contract.placeholder import is_placeholder, is_secret_name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "changeme"),
        ("SECRET_KEY", "Change_Me_Please!"),
        ("SECRET_KEY", '"replace-this"'),
        ("API_KEY", "your_key"),
        ("OPENAI_API_KEY", "your key here"),
        ("API_HOST", "your-host-name"),
        ("API_HOST", "insert the host"),
        ("API_HOST", "key-goes-here"),
        ("SECRET_KEY", "django-insecure-9d8f7g6h5j4k3l2"),
        ("TOKEN", "xxxxxx"),
        ("TOKEN", "<32+ character secret key>"),
        ("TOKEN", "{{ token }}"),
        ("TOKEN", "%TOKEN%"),
        ("TOKEN", "[your key]"),
        ("TOKEN", "****"),
        ("TOKEN", "todo"),
        ("TOKEN", "test"),
        ("TOKEN", "none"),
        ("DB_PASSWORD", "password"),
        ("DB_PASSWORD", "1234567890"),
        ("SECRET_KEY", "super-secret-key"),
        ("SECRET_KEY", "dev_secret"),
        ("DATABASE_URL", "postgresql://user:pass@host:5432/db"),
        ("DATABASE_URL", "postgresql+asyncpg://shop:<password>@db/shop"),
        ("REDIS_URL", "redis://:changeme@cache:6379/0"),
    ],
)
def test_a_value_that_was_meant_to_be_replaced_is_found(name: str, value: str) -> None:
    assert is_placeholder(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "1234"),
        ("DB_NAME", "my_shop_name"),
        ("SESSION_SAMESITE", "none"),
        ("EMAIL_BACKEND", "dummy"),
        ("ADMIN_IDS", "[1, 2]"),
        ("ALLOWED_HOSTS", "example.com,test.example.com"),
        ("DEBUG", "false"),
        ("FLASK_ENV", "production"),
        ("DATABASE_URL", "postgresql://shop:9fK2x-qq81@db:5432/shop"),
        ("DATABASE_URL", "postgresql://[broken:pass@db/shop"),
        ("DATABASE_URL", "sqlite:///shop.db"),
        ("SECRET_KEY", "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1x"),
        ("TLS_KEY", "x" * 3000),
        ("EMPTY", ""),
    ],
)
def test_an_ordinary_value_is_left_alone(name: str, value: str) -> None:
    assert not is_placeholder(name, value)


@given(st.text(), st.text())
def test_any_value_is_judged_without_an_error(name: str, value: str) -> None:
    assert is_placeholder(name, value) in {True, False}


def test_a_random_secret_is_never_a_placeholder() -> None:
    assert not any(is_placeholder("SECRET_KEY", secrets.token_urlsafe(32)) for _ in range(200))


def test_names_of_secrets_are_known() -> None:
    names = ("SECRET_KEY", "TWILIO_AUTH_TOKEN", "db_password", "SENTRY_DSN", "PORT", "API_HOST", "KEYBOARD")
    assert [is_secret_name(name) for name in names] == [True, True, True, True, False, False, True]
