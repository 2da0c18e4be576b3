"""Configuration of an application: declared once, read from the environment, validated as a whole.

    application_config.register("STRIPE_KEY", secret=True)
    application_config.add(BotConfig())          # only where there is a bot
    await application_config.validate_all()      # raises with every problem at once
    application_config.api.port

The same declaration is what `ci-ops config check --app module:name` and the
check `env-vars` read before a deployment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ci_ops.core.contract.presets import API, BOT, DATABASE, database_url
from ci_ops.core.contract.variables import Contract, Variable
from ci_ops.core.text.secret import Secret
from ci_ops.service.release import config_fingerprint, current_release, set_release
from ci_ops.service.settings.validator import ConfigValidator, ConfigValue, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

FINGERPRINT_KEY = "SECRET_KEY"

Part = TypeVar("Part", bound="ConfigValidator")


class DatabaseConfig(ConfigValidator):
    """DATABASE_URL, DB_POOL_SIZE and DB_MAX_OVERFLOW."""

    def __init__(
        self, *, schemes: tuple[str, ...] = ("postgresql",), env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(database_url(*schemes), *DATABASE.without(["DATABASE_URL"]).variables, env=env)

    @property
    def url(self) -> Secret:
        """Address of the database, for SQLAlchemy as it is, for psycopg and the pool without its driver."""
        return _secret(self["DATABASE_URL"])

    @property
    def min_size(self) -> int:
        """Connections that a pool holds open: DB_POOL_SIZE."""
        return int(self["DB_POOL_SIZE"])

    @property
    def max_size(self) -> int:
        """Most connections of a pool: DB_POOL_SIZE + DB_MAX_OVERFLOW."""
        return self.min_size + int(self["DB_MAX_OVERFLOW"])


class APIConfig(ConfigValidator):
    """API_HOST, API_PORT (else PORT, else 8000), API_WORKERS and SECRET_KEY."""

    def __init__(self, *, env: Mapping[str, str] | None = None) -> None:
        super().__init__(*API.variables, env=env)

    @property
    def host(self) -> str:
        """The address to listen on."""
        return str(self["API_HOST"])

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self["API_PORT"])

    @property
    def workers(self) -> int:
        """Number of worker processes."""
        return int(self["API_WORKERS"])

    @property
    def secret_key(self) -> Secret:
        """At least 32 characters."""
        return _secret(self["SECRET_KEY"])


class BotConfig(ConfigValidator):
    """BOT_TOKEN and ADMIN_IDS; for applications that have a bot."""

    def __init__(self, *, env: Mapping[str, str] | None = None) -> None:
        super().__init__(*BOT.variables, env=env)

    @property
    def token(self) -> Secret:
        """The token of the bot."""
        return _secret(self["BOT_TOKEN"])

    @property
    def admin_ids(self) -> tuple[int, ...]:
        """Users who may give orders; none without ADMIN_IDS."""
        return tuple(self["ADMIN_IDS"] or ())


class ApplicationConfig(ConfigValidator):
    """The whole configuration: its parts, and what the application registers itself."""

    def __init__(self, *parts: ConfigValidator, env: Mapping[str, str] | None = None) -> None:
        """The default parts are database and API."""
        super().__init__(env=env)
        self.parts = parts or (DatabaseConfig(env=env), APIConfig(env=env))

    def add(self, part: ConfigValidator) -> Self:
        """Add a part, such as BotConfig; it replaces a part of the same class."""
        self.parts = (*(each for each in self.parts if type(each) is not type(part)), part)
        self._reading = None
        return self

    def part(self, kind: type[Part]) -> Part:
        """Return the part of that class. Raises KeyError without one."""
        for each in self.parts:
            if isinstance(each, kind):
                return each
        raise KeyError(kind.__name__)

    @property
    def database(self) -> DatabaseConfig:
        """The database part."""
        return self.part(DatabaseConfig)

    @property
    def api(self) -> APIConfig:
        """The server part."""
        return self.part(APIConfig)

    @property
    def bot(self) -> BotConfig:
        """The bot part; only where it was added."""
        return self.part(BotConfig)

    @property
    def contract(self) -> Contract:
        """The contract of the application and its parts."""
        whole = Contract()
        for part in self.parts:
            whole += part.contract
        return whole + super().contract

    def validate(self) -> bool:
        """Read the environment anew, for every part; a valid one sets the fingerprint of the release."""
        is_good = super().validate()
        for part in self.parts:
            part.adopt(self.reading)
        fingerprint = self.fingerprint() if is_good else ""
        if fingerprint:
            set_release(replace(current_release(), config=fingerprint))
        return is_good

    def fingerprint(self) -> str:
        """Return a fingerprint of the values, equal on all instances; empty without a SECRET_KEY to key it."""
        key = self.reading.values.get(FINGERPRINT_KEY)
        return config_fingerprint(self.reading.values, key) if isinstance(key, Secret) else ""


def _secret(value: Any) -> Secret:
    assert isinstance(value, Secret)
    return value


application_config = ApplicationConfig()
"""The application's own configuration, read from the environment when it is validated."""

__all__ = [
    "APIConfig",
    "ApplicationConfig",
    "BotConfig",
    "ConfigValidator",
    "ConfigValue",
    "Contract",
    "DatabaseConfig",
    "InvalidConfigurationError",
    "Variable",
    "application_config",
]
