"""Presets: the environment variables of common kinds of applications.

The kit and the check `env-vars` share it.

Source: django/core/checks/security/base.py W009 (a key's 50 characters, 5 of
them different); core.telegram.org/bots/api#authorizing-your-bot (a bot's
token); www.twilio.com/docs/glossary/what-is-a-sid (an account's id).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.contract.variables import Contract, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_KEY_LENGTH = 32
MIN_KEY_DIFFERENT = 5
DEBUG_SWITCHES = ("DEBUG", "FLASK_DEBUG", "DJANGO_DEBUG")
"""Variables that must not be set in production: many programs take any text as true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """The variables of one kind of application."""

    contract: Contract
    forbidden: tuple[str, ...] = ()
    """In production."""


def secret_key(min_length: int = MIN_KEY_LENGTH) -> Variable:
    """Return the variable of the key that signs sessions and tokens."""
    return Variable(
        "SECRET_KEY",
        secret=True,
        min_length=min_length,
        min_different=MIN_KEY_DIFFERENT,
        description="Signs sessions and tokens.",
    )


def database_url(*schemes: str) -> Variable:
    """Return the variable of the database URL, with or without a driver as in postgresql+asyncpg://."""
    return Variable(
        "DATABASE_URL",
        kind="url",
        schemes=schemes,
        secret=True,
        description="Where the database is, with user and password.",
        example="postgresql+asyncpg://user:password@localhost/name",
    )


def port(name: str, *fallbacks: str, default: int | None = None) -> Variable:
    """Return the variable of a TCP port to listen on."""
    return Variable(
        name,
        kind="int",
        minimum=1,
        maximum=65535,
        default=default,
        fallbacks=fallbacks,
        description="The port to listen on.",
    )


DATABASE = Contract(
    database_url("postgresql"),
    Variable(
        "DB_POOL_SIZE",
        kind="int",
        minimum=1,
        maximum=1000,
        default=10,
        description="Connections that each process keeps open.",
    ),
    Variable(
        "DB_MAX_OVERFLOW",
        kind="int",
        minimum=0,
        maximum=1000,
        default=20,
        description="Connections that each process opens beyond these while it is busy.",
    ),
)
API = Contract(
    Variable("API_HOST", default="0.0.0.0", description="The address to listen on."),  # noqa: S104 - documented
    port("API_PORT", "PORT", default=8000),
    Variable(
        "API_WORKERS", kind="int", minimum=1, maximum=1000, default=4, description="Processes that serve."
    ),
    secret_key(),
)
BOT = Contract(
    Variable(
        "BOT_TOKEN", secret=True, pattern=r"\d+:[\w-]{30,}", description="The token that BotFather gave."
    ),
    Variable(
        "ADMIN_IDS",
        kind="list",
        items="int",
        minimum=1,
        required=False,
        description="User ids of those who may give orders.",
        example="1234567,7654321",
    ),
)
DJANGO = Contract(
    secret_key(50),
    database_url(),
    Variable(
        "ALLOWED_HOSTS",
        required=False,
        pattern=r"(?!\s*\*\s*$).*",
        description="Host names that are answered; a lone * is none.",
    ),
)
RENDER_FLASK = Contract(
    database_url("postgresql"),
    port("PORT"),
    Variable("FLASK_ENV", kind="choice", choices=("production",)),
    Variable("OPENAI_API_KEY", secret=True),
    Variable("TWILIO_ACCOUNT_SID", pattern="AC[0-9a-fA-F]{32}"),
    Variable("TWILIO_AUTH_TOKEN", secret=True),
    Variable(
        "RENDER_DEPLOY_HOOK_SECRET",
        secret=True,
        min_length=16,
        min_different=MIN_KEY_DIFFERENT,
        description="Signs the requests that start a deployment.",
    ),
)
"""A Flask application with OpenAI and Twilio on Render."""

PRESETS: Mapping[str, Preset] = {
    "django": Preset(contract=DJANGO, forbidden=("DEBUG", "DJANGO_DEBUG")),
    "api": Preset(contract=DATABASE + API, forbidden=("DEBUG",)),
    "bot": Preset(contract=BOT),
    "render-flask": Preset(contract=RENDER_FLASK, forbidden=("FLASK_DEBUG", "DEBUG")),
}
