"""What kinds of applications need of their environment, for the check `env-vars`.

Source: django/core/checks/security/base.py W009 (a key's 50 characters, 5 of
them different); core.telegram.org/bots/api#authorizing-your-bot (a bot's
token); www.twilio.com/docs/glossary/what-is-a-sid (an account's id).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POSTGRES_URL = r"postgres(ql)?(\+\w+)?://\S+"
"""With or without a driver's suffix, as in postgresql+asyncpg://."""
NUMBER = r"\d{1,6}"
FALSE_WORDS = frozenset({"0", "false", "no", "off", "f", "n"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Strength:
    """What a secret needs to be hard to guess."""

    characters: int
    different: int = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """The variables of one kind of application."""

    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    patterns: Mapping[str, str] = field(default_factory=dict)
    """Of the whole value, where the variable is set."""
    strengths: Mapping[str, Strength] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    "django": Preset(
        required=("SECRET_KEY", "DATABASE_URL"),
        forbidden=("DEBUG", "DJANGO_DEBUG"),
        patterns={"ALLOWED_HOSTS": r"(?!\s*\*\s*$).*", "DATABASE_URL": r"\w[\w+.-]*:\S+"},
        strengths={"SECRET_KEY": Strength(characters=50)},
    ),
    "api": Preset(
        required=("SECRET_KEY", "DATABASE_URL"),
        forbidden=("DEBUG",),
        patterns={
            "DATABASE_URL": POSTGRES_URL,
            "API_PORT": NUMBER,
            "PORT": NUMBER,
            "API_WORKERS": NUMBER,
            "DB_POOL_SIZE": NUMBER,
            "DB_MAX_OVERFLOW": NUMBER,
        },
        strengths={"SECRET_KEY": Strength(characters=32)},
    ),
    "bot": Preset(
        required=("BOT_TOKEN",),
        patterns={"BOT_TOKEN": r"\d+:[\w-]{30,}", "ADMIN_IDS": r"\s*\d+\s*(,\s*\d+\s*)*"},
    ),
    "render-flask": Preset(
        required=(
            "DATABASE_URL",
            "PORT",
            "FLASK_ENV",
            "OPENAI_API_KEY",
            "TWILIO_ACCOUNT_SID",
            "TWILIO_AUTH_TOKEN",
            "RENDER_DEPLOY_HOOK_SECRET",
        ),
        forbidden=("FLASK_DEBUG", "DEBUG"),
        patterns={
            "DATABASE_URL": POSTGRES_URL,
            "PORT": NUMBER,
            "FLASK_ENV": "production",
            "TWILIO_ACCOUNT_SID": "AC[0-9a-fA-F]{32}",
        },
        strengths={"RENDER_DEPLOY_HOOK_SECRET": Strength(characters=16)},
    ),
}
