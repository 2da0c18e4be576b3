"""An application on Render: environment, connection pool, cached health answers.

    config, pool_manager = configure_render_deployment(
        database_url=os.getenv("DATABASE_URL"),
        deploy_hook_secret=os.getenv("RENDER_DEPLOY_HOOK_SECRET"),
    )

    @config.cache_health_check
    def health_check(): ...

    with pool_manager.get_connection() as connection: ...

Source: render.com/docs/environment-variables and render.com/docs/web-services
for PORT and its default.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from ci_ops.core.contract.presets import DATABASE, MIN_KEY_DIFFERENT, RENDER_FLASK, port
from ci_ops.core.contract.variables import Contract, Variable
from ci_ops.core.text.redact import redact_patterns
from ci_ops.core.text.secret import HIDDEN
from ci_ops.service.deployment.deploy_gateway import DeployGateway
from ci_ops.service.deployment.signatures import MIN_SECRET_LENGTH, SignatureError, SignatureVerifier
from ci_ops.service.health.cache import TTL_SECONDS, cache_health_check
from ci_ops.service.pool import ConnectionPoolManager
from ci_ops.service.settings.validator import ConfigValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ci_ops.core.text.secret import Secret
    from ci_ops.service.health.cache import CachedHealthCheck

P = ParamSpec("P")
R = TypeVar("R")

_PASSWORD = re.compile(r"(://[^\s:@/]*:).*(?=@)")
HOOK_SECRET = "RENDER_DEPLOY_HOOK_SECRET"
DEFAULT_PORT = 10000

BASIC = DATABASE + Contract(
    port("PORT", default=DEFAULT_PORT),
    Variable(
        HOOK_SECRET,
        secret=True,
        required=False,
        min_length=MIN_SECRET_LENGTH,
        min_different=MIN_KEY_DIFFERENT,
        description="Signs the requests that start a deployment.",
    ),
)
"""What is read of the environment in any case."""


class RenderDeployment(ConfigValidator):
    """The configuration of a service on Render, with its signatures and cached health."""

    def __init__(self, *, contract: Contract, env: Mapping[str, str]) -> None:
        names = [each.name for each in contract.variables]
        super().__init__(*contract.variables, *BASIC.without(names).variables, env=env)
        self._cached: list[Any] = []
        self._verifier: SignatureVerifier | None = None

    @property
    def database_url(self) -> Secret:
        """Address of the database."""
        url: Secret = self["DATABASE_URL"]
        return url

    @property
    def safe_database_url(self) -> str:
        """Address of the database without its password, for logs."""
        return sanitize_url(self.database_url.reveal())

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self["PORT"])

    @property
    def signatures(self) -> SignatureVerifier:
        """Verifier for the deploy hook's secret. Raises ValueError without one."""
        if self._verifier is None:
            secret = self[HOOK_SECRET]
            if secret is None:
                raise ValueError(f"{HOOK_SECRET} is not set, so nothing can be signed")
            self._verifier = SignatureVerifier(secret)
        return self._verifier

    def validate_deploy_hook(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return True for a request that is signed, fresh and not a repetition."""
        try:
            self.signatures.verify(headers, body)
        except SignatureError:
            return False
        return True

    def deploy_gateway(self, hook_url: Secret | str) -> DeployGateway:
        """Return a signed gateway in front of Render's deploy hook, which checks no signature itself."""
        return DeployGateway(hook_url, self.signatures)

    @overload
    def cache_health_check(self, function: Callable[P, R], /) -> CachedHealthCheck[P, R]: ...

    @overload
    def cache_health_check(
        self, function: None = None, /, *, ttl_seconds: float = ...
    ) -> Callable[[Callable[P, R]], CachedHealthCheck[P, R]]: ...

    def cache_health_check(
        self, function: Callable[..., Any] | None = None, /, *, ttl_seconds: float = TTL_SECONDS
    ) -> Any:
        """Decorate a health function as `cache_health_check` does; `invalidate_health` clears its cache."""

        def decorate(inner: Callable[..., Any]) -> Any:
            cached: Any = cache_health_check(ttl_seconds=ttl_seconds)(inner)
            self._cached.append(cached)
            return cached

        return decorate if function is None else decorate(function)

    def invalidate_health(self) -> None:
        """Drop every cached health answer, for example after a failover."""
        for each in self._cached:
            each.invalidate()


def configure_render_deployment(
    database_url: str | None = None,
    deploy_hook_secret: str | None = None,
    *,
    contract: Contract | None = None,
    env: Mapping[str, str] | None = None,
    **pool_options: Any,
) -> tuple[RenderDeployment, ConnectionPoolManager]:
    """Return the configuration, and a pool that opens at its first connection.

    Arguments win over the environment. `contract` adds what the application
    needs besides, such as RENDER_FLASK; `pool_options` go to
    ConnectionPoolManager. Raises InvalidConfigurationError with every problem at
    once, so that a release without its configuration never serves.
    """
    given = {"DATABASE_URL": database_url, HOOK_SECRET: deploy_hook_secret}
    whole = {**(os.environ if env is None else env), **{name: text for name, text in given.items() if text}}
    config = RenderDeployment(contract=Contract() if contract is None else contract, env=whole)
    config.validate_all_sync()
    sizes = {
        "min_size": config["DB_POOL_SIZE"],
        "max_size": config["DB_POOL_SIZE"] + config["DB_MAX_OVERFLOW"],
    }
    return config, ConnectionPoolManager(config.database_url, **{**sizes, **pool_options})


def sanitize_url(url: str) -> str:
    """Return the address without its password and secret parameters, whatever the password holds."""
    return redact_patterns(_PASSWORD.sub(rf"\1{HIDDEN}", url, count=1))


__all__ = ["RENDER_FLASK", "RenderDeployment", "configure_render_deployment", "sanitize_url"]
