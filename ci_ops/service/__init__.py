"""The kit of a deployed application, for checks to probe.

Nothing here needs another package, and nothing is loaded before it is used:
every name below is fetched from its module at its first use (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES: dict[str, str] = {
    "ALGORITHM_CIRCUIT_BREAKER": "breaker",
    "APIConfig": "configuration",
    "AbuseDetector": "limits.abuse",
    "AbuseFlag": "limits.abuse",
    "ApplicationConfig": "configuration",
    "ApplicationLifecycle": "lifecycle",
    "AsyncRedisStore": "limits.redis",
    "Availability": "availability",
    "BotConfig": "configuration",
    "CachedHealthCheck": "health_cache",
    "CallTimeoutError": "breaker",
    "CheckResult": "checker",
    "CheckStatus": "checker",
    "CircuitBreaker": "breaker",
    "CircuitOpenError": "breaker",
    "CircuitRules": "breaker",
    "CircuitSnapshot": "breaker",
    "CircuitState": "breaker",
    "Client": "limits.client",
    "ClientResolver": "limits.client",
    "ComponentHealth": "health_model",
    "ConfigValidator": "configuration",
    "ConfigValue": "configuration",
    "ConnectionPoolManager": "pool",
    "Contract": "configuration",
    "DB_CIRCUIT_BREAKER": "breaker",
    "DDoSProtection": "limits.guard",
    "DatabaseConfig": "configuration",
    "Decision": "limits.gcra",
    "DegradedFeature": "degradation",
    "DeployGateway": "deploy_gateway",
    "DeploymentChecker": "checker",
    "DjangoMigrationValidator": "migrations",
    "DrainPlan": "drain_plan",
    "ErrorRecoveryService": "recovery",
    "ErrorTrend": "recovery",
    "Gate": "gate",
    "GracefulDegradation": "degradation",
    "HealthApp": "routes.asgi",
    "HealthCheck": "health_model",
    "HealthCheckService": "health",
    "HealthCheckValidator": "validators",
    "HealthReport": "health_model",
    "HealthRoutes": "routes.answer",
    "HealthStatus": "health_model",
    "HealthWSGI": "routes.wsgi",
    "InvalidConfigurationError": "configuration",
    "IpBlock": "limits.guard",
    "Limiter": "limits.limiter",
    "LimiterCounts": "limits.limiter",
    "MemoryStore": "limits.store",
    "MigrationValidator": "migrations",
    "NOTIFICATION_CIRCUIT_BREAKER": "breaker",
    "Outcome": "health_model",
    "PerUserRateLimiter": "limits.buckets",
    "PoolReport": "pool",
    "Quota": "limits.gcra",
    "RENDER_FLASK": "render",
    "RateLimiter": "limits.buckets",
    "RedisStore": "limits.redis",
    "Release": "release",
    "RenderDeployment": "render",
    "Retry": "retry",
    "RetryBudget": "retry",
    "RetryEvent": "retry",
    "SignatureError": "signatures",
    "SignatureVerifier": "signatures",
    "StartupFailedError": "startup",
    "StoreDownError": "limits.store",
    "Variable": "configuration",
    "abuse_detector": "limits.abuse",
    "activity_check": "health_checks.system",
    "alembic_check": "health_checks.migrations",
    "application_config": "configuration",
    "application_lifecycle": "lifecycle",
    "cache_health_check": "health_cache",
    "circuit_breaker_check": "health_checks.system",
    "circuit_breakers": "breaker",
    "compose_lifespans": "lifespan",
    "config_fingerprint": "release",
    "configure_render_deployment": "render",
    "current_release": "release",
    "database_check": "health_checks.database",
    "ddos_protection": "limits.guard",
    "degraded_features_check": "health_checks.system",
    "deployment_checker": "checker",
    "disk_check": "health_checks.system",
    "django_database_check": "health_checks.database",
    "django_migrations_check": "health_checks.migrations",
    "error_recovery_service": "recovery",
    "fallback_check": "health_checks.system",
    "graceful_degradation": "degradation",
    "health_blueprint": "routes.flask",
    "health_router": "routes.fastapi",
    "health_routes": "routes.starlette",
    "health_service": "health",
    "health_urls": "routes.django",
    "http_check": "health_checks.web",
    "limit_headers": "limits.headers",
    "limit_headers_asgi": "limits.headers",
    "per_user_rate_limiter": "limits.buckets",
    "pool_check": "pool",
    "probe_health": "probe",
    "provide": "providers",
    "queue_depth_check": "health_checks.system",
    "read_release": "release",
    "redis_check": "health_checks.redis",
    "refusal": "limits.headers",
    "sanitize_url": "render",
    "security_status": "limits.summary",
    "set_release": "release",
    "sqlalchemy_check": "health_checks.database",
}
"""Public name → module of this package."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 - made from the table, so that each name stands once


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module, and keep it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
