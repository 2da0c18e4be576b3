# Written by `make docs` from the table in __init__.py.

from ci_ops.service.deployment.checker import CheckResult as CheckResult
from ci_ops.service.deployment.checker import CheckStatus as CheckStatus
from ci_ops.service.deployment.checker import DeploymentChecker as DeploymentChecker
from ci_ops.service.deployment.checker import deployment_checker as deployment_checker
from ci_ops.service.deployment.deploy_gateway import DeployGateway as DeployGateway
from ci_ops.service.deployment.django_migrations import DjangoMigrationValidator as DjangoMigrationValidator
from ci_ops.service.deployment.migrations import MigrationValidator as MigrationValidator
from ci_ops.service.deployment.render import RENDER_FLASK as RENDER_FLASK
from ci_ops.service.deployment.render import RenderDeployment as RenderDeployment
from ci_ops.service.deployment.render import configure_render_deployment as configure_render_deployment
from ci_ops.service.deployment.render import sanitize_url as sanitize_url
from ci_ops.service.deployment.signatures import SignatureError as SignatureError
from ci_ops.service.deployment.signatures import SignatureVerifier as SignatureVerifier
from ci_ops.service.deployment.validators import HealthCheckValidator as HealthCheckValidator
from ci_ops.service.health.availability import Availability as Availability
from ci_ops.service.health.cache import CachedHealthCheck as CachedHealthCheck
from ci_ops.service.health.cache import cache_health_check as cache_health_check
from ci_ops.service.health.gate import Gate as Gate
from ci_ops.service.health.model import ComponentHealth as ComponentHealth
from ci_ops.service.health.model import HealthCheck as HealthCheck
from ci_ops.service.health.model import HealthReport as HealthReport
from ci_ops.service.health.model import HealthStatus as HealthStatus
from ci_ops.service.health.model import Outcome as Outcome
from ci_ops.service.health.providers import provide as provide
from ci_ops.service.health.service import HealthCheckService as HealthCheckService
from ci_ops.service.health.service import health_service as health_service
from ci_ops.service.health_checks.database import database_check as database_check
from ci_ops.service.health_checks.database import django_database_check as django_database_check
from ci_ops.service.health_checks.database import sqlalchemy_check as sqlalchemy_check
from ci_ops.service.health_checks.migrations import alembic_check as alembic_check
from ci_ops.service.health_checks.migrations import django_migrations_check as django_migrations_check
from ci_ops.service.health_checks.redis import redis_check as redis_check
from ci_ops.service.health_checks.system import activity_check as activity_check
from ci_ops.service.health_checks.system import circuit_breaker_check as circuit_breaker_check
from ci_ops.service.health_checks.system import degraded_features_check as degraded_features_check
from ci_ops.service.health_checks.system import disk_check as disk_check
from ci_ops.service.health_checks.system import fallback_check as fallback_check
from ci_ops.service.health_checks.system import queue_depth_check as queue_depth_check
from ci_ops.service.health_checks.web import http_check as http_check
from ci_ops.service.lifecycle.application import ApplicationLifecycle as ApplicationLifecycle
from ci_ops.service.lifecycle.application import application_lifecycle as application_lifecycle
from ci_ops.service.lifecycle.drain_plan import DrainPlan as DrainPlan
from ci_ops.service.lifecycle.lifespan import compose_lifespans as compose_lifespans
from ci_ops.service.lifecycle.startup import StartupFailedError as StartupFailedError
from ci_ops.service.limits.abuse import AbuseDetector as AbuseDetector
from ci_ops.service.limits.abuse import AbuseFlag as AbuseFlag
from ci_ops.service.limits.abuse import abuse_detector as abuse_detector
from ci_ops.service.limits.buckets import PerUserRateLimiter as PerUserRateLimiter
from ci_ops.service.limits.buckets import RateLimiter as RateLimiter
from ci_ops.service.limits.buckets import per_user_rate_limiter as per_user_rate_limiter
from ci_ops.service.limits.client import Client as Client
from ci_ops.service.limits.client import ClientResolver as ClientResolver
from ci_ops.service.limits.gcra import Decision as Decision
from ci_ops.service.limits.gcra import Quota as Quota
from ci_ops.service.limits.guard import DDoSProtection as DDoSProtection
from ci_ops.service.limits.guard import IpBlock as IpBlock
from ci_ops.service.limits.guard import ddos_protection as ddos_protection
from ci_ops.service.limits.headers import limit_headers as limit_headers
from ci_ops.service.limits.headers import limit_headers_asgi as limit_headers_asgi
from ci_ops.service.limits.headers import refusal as refusal
from ci_ops.service.limits.limiter import Limiter as Limiter
from ci_ops.service.limits.limiter import LimiterCounts as LimiterCounts
from ci_ops.service.limits.probe import ProbeKey as ProbeKey
from ci_ops.service.limits.redis import AsyncRedisStore as AsyncRedisStore
from ci_ops.service.limits.redis import RedisStore as RedisStore
from ci_ops.service.limits.store import MemoryStore as MemoryStore
from ci_ops.service.limits.store import StoreDownError as StoreDownError
from ci_ops.service.limits.summary import security_status as security_status
from ci_ops.service.logs.context import current_request_id as current_request_id
from ci_ops.service.logs.context import log_context as log_context
from ci_ops.service.logs.encode import hide_in_logs as hide_in_logs
from ci_ops.service.logs.events import StructuredLogger as StructuredLogger
from ci_ops.service.logs.events import structured_logger as structured_logger
from ci_ops.service.logs.formatter import ContextFilter as ContextFilter
from ci_ops.service.logs.formatter import JsonFormatter as JsonFormatter
from ci_ops.service.logs.record import EventType as EventType
from ci_ops.service.logs.setup import set_up_logging as set_up_logging
from ci_ops.service.logs.trace import outgoing_headers as outgoing_headers
from ci_ops.service.metrics.collector import MetricsCollector as MetricsCollector
from ci_ops.service.metrics.collector import metrics_collector as metrics_collector
from ci_ops.service.metrics.instruments import Counter as Counter
from ci_ops.service.metrics.instruments import Gauge as Gauge
from ci_ops.service.metrics.instruments import Histogram as Histogram
from ci_ops.service.metrics.monitor import PerformanceMonitor as PerformanceMonitor
from ci_ops.service.metrics.monitor import performance_monitor as performance_monitor
from ci_ops.service.metrics.prometheus import include_prometheus_client as include_prometheus_client
from ci_ops.service.metrics.requests import RequestMetrics as RequestMetrics
from ci_ops.service.metrics.timing import log_performance as log_performance
from ci_ops.service.middleware.access import AccessLog as AccessLog
from ci_ops.service.middleware.asgi import ASGILayer as ASGILayer
from ci_ops.service.middleware.classes import PerformanceTrackingMiddleware as PerformanceTrackingMiddleware
from ci_ops.service.middleware.classes import RateLimitMiddleware as RateLimitMiddleware
from ci_ops.service.middleware.classes import RequestLoggingMiddleware as RequestLoggingMiddleware
from ci_ops.service.middleware.classes import SecurityHeadersMiddleware as SecurityHeadersMiddleware
from ci_ops.service.middleware.limits import RequestLimits as RequestLimits
from ci_ops.service.middleware.nonce import csp_nonce as csp_nonce
from ci_ops.service.middleware.options import MiddlewareOptions as MiddlewareOptions
from ci_ops.service.middleware.security import SecurityHeaders as SecurityHeaders
from ci_ops.service.middleware.setup import setup_middleware as setup_middleware
from ci_ops.service.middleware.wsgi import WSGILayer as WSGILayer
from ci_ops.service.pool import ConnectionPoolManager as ConnectionPoolManager
from ci_ops.service.pool import PoolReport as PoolReport
from ci_ops.service.pool import pool_check as pool_check
from ci_ops.service.probe import probe_health as probe_health
from ci_ops.service.release import Release as Release
from ci_ops.service.release import config_fingerprint as config_fingerprint
from ci_ops.service.release import current_release as current_release
from ci_ops.service.release import read_release as read_release
from ci_ops.service.release import set_release as set_release
from ci_ops.service.resilience.breaker import ALGORITHM_CIRCUIT_BREAKER as ALGORITHM_CIRCUIT_BREAKER
from ci_ops.service.resilience.breaker import DB_CIRCUIT_BREAKER as DB_CIRCUIT_BREAKER
from ci_ops.service.resilience.breaker import NOTIFICATION_CIRCUIT_BREAKER as NOTIFICATION_CIRCUIT_BREAKER
from ci_ops.service.resilience.breaker import CallTimeoutError as CallTimeoutError
from ci_ops.service.resilience.breaker import CircuitBreaker as CircuitBreaker
from ci_ops.service.resilience.breaker import CircuitOpenError as CircuitOpenError
from ci_ops.service.resilience.breaker import CircuitRules as CircuitRules
from ci_ops.service.resilience.breaker import CircuitSnapshot as CircuitSnapshot
from ci_ops.service.resilience.breaker import CircuitState as CircuitState
from ci_ops.service.resilience.breaker import circuit_breakers as circuit_breakers
from ci_ops.service.resilience.bulkhead import Bulkhead as Bulkhead
from ci_ops.service.resilience.bulkhead import BulkheadFullError as BulkheadFullError
from ci_ops.service.resilience.degradation import DegradedFeature as DegradedFeature
from ci_ops.service.resilience.degradation import GracefulDegradation as GracefulDegradation
from ci_ops.service.resilience.degradation import graceful_degradation as graceful_degradation
from ci_ops.service.resilience.recovery import ErrorRecoveryService as ErrorRecoveryService
from ci_ops.service.resilience.recovery import ErrorTrend as ErrorTrend
from ci_ops.service.resilience.recovery import error_recovery_service as error_recovery_service
from ci_ops.service.resilience.retry import Retry as Retry
from ci_ops.service.resilience.retry import RetryBudget as RetryBudget
from ci_ops.service.resilience.retry import RetryEvent as RetryEvent
from ci_ops.service.routes.answer import HealthRoutes as HealthRoutes
from ci_ops.service.routes.asgi import HealthApp as HealthApp
from ci_ops.service.routes.django import health_urls as health_urls
from ci_ops.service.routes.fastapi import health_router as health_router
from ci_ops.service.routes.fastapi import make_health_router as make_health_router
from ci_ops.service.routes.flask import health_blueprint as health_blueprint
from ci_ops.service.routes.starlette import health_routes as health_routes
from ci_ops.service.routes.wsgi import HealthWSGI as HealthWSGI
from ci_ops.service.settings.configuration import APIConfig as APIConfig
from ci_ops.service.settings.configuration import ApplicationConfig as ApplicationConfig
from ci_ops.service.settings.configuration import BotConfig as BotConfig
from ci_ops.service.settings.configuration import ConfigValidator as ConfigValidator
from ci_ops.service.settings.configuration import ConfigValue as ConfigValue
from ci_ops.service.settings.configuration import Contract as Contract
from ci_ops.service.settings.configuration import DatabaseConfig as DatabaseConfig
from ci_ops.service.settings.configuration import InvalidConfigurationError as InvalidConfigurationError
from ci_ops.service.settings.configuration import Variable as Variable
from ci_ops.service.settings.configuration import application_config as application_config

__all__ = [
    "ALGORITHM_CIRCUIT_BREAKER",
    "DB_CIRCUIT_BREAKER",
    "NOTIFICATION_CIRCUIT_BREAKER",
    "RENDER_FLASK",
    "APIConfig",
    "ASGILayer",
    "AbuseDetector",
    "AbuseFlag",
    "AccessLog",
    "ApplicationConfig",
    "ApplicationLifecycle",
    "AsyncRedisStore",
    "Availability",
    "BotConfig",
    "Bulkhead",
    "BulkheadFullError",
    "CachedHealthCheck",
    "CallTimeoutError",
    "CheckResult",
    "CheckStatus",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitRules",
    "CircuitSnapshot",
    "CircuitState",
    "Client",
    "ClientResolver",
    "ComponentHealth",
    "ConfigValidator",
    "ConfigValue",
    "ConnectionPoolManager",
    "ContextFilter",
    "Contract",
    "Counter",
    "DDoSProtection",
    "DatabaseConfig",
    "Decision",
    "DegradedFeature",
    "DeployGateway",
    "DeploymentChecker",
    "DjangoMigrationValidator",
    "DrainPlan",
    "ErrorRecoveryService",
    "ErrorTrend",
    "EventType",
    "Gate",
    "Gauge",
    "GracefulDegradation",
    "HealthApp",
    "HealthCheck",
    "HealthCheckService",
    "HealthCheckValidator",
    "HealthReport",
    "HealthRoutes",
    "HealthStatus",
    "HealthWSGI",
    "Histogram",
    "InvalidConfigurationError",
    "IpBlock",
    "JsonFormatter",
    "Limiter",
    "LimiterCounts",
    "MemoryStore",
    "MetricsCollector",
    "MiddlewareOptions",
    "MigrationValidator",
    "Outcome",
    "PerUserRateLimiter",
    "PerformanceMonitor",
    "PerformanceTrackingMiddleware",
    "PoolReport",
    "ProbeKey",
    "Quota",
    "RateLimitMiddleware",
    "RateLimiter",
    "RedisStore",
    "Release",
    "RenderDeployment",
    "RequestLimits",
    "RequestLoggingMiddleware",
    "RequestMetrics",
    "Retry",
    "RetryBudget",
    "RetryEvent",
    "SecurityHeaders",
    "SecurityHeadersMiddleware",
    "SignatureError",
    "SignatureVerifier",
    "StartupFailedError",
    "StoreDownError",
    "StructuredLogger",
    "Variable",
    "WSGILayer",
    "abuse_detector",
    "activity_check",
    "alembic_check",
    "application_config",
    "application_lifecycle",
    "cache_health_check",
    "circuit_breaker_check",
    "circuit_breakers",
    "compose_lifespans",
    "config_fingerprint",
    "configure_render_deployment",
    "csp_nonce",
    "current_release",
    "current_request_id",
    "database_check",
    "ddos_protection",
    "degraded_features_check",
    "deployment_checker",
    "disk_check",
    "django_database_check",
    "django_migrations_check",
    "error_recovery_service",
    "fallback_check",
    "graceful_degradation",
    "health_blueprint",
    "health_router",
    "health_routes",
    "health_service",
    "health_urls",
    "hide_in_logs",
    "http_check",
    "include_prometheus_client",
    "limit_headers",
    "limit_headers_asgi",
    "log_context",
    "log_performance",
    "make_health_router",
    "metrics_collector",
    "outgoing_headers",
    "per_user_rate_limiter",
    "performance_monitor",
    "pool_check",
    "probe_health",
    "provide",
    "queue_depth_check",
    "read_release",
    "redis_check",
    "refusal",
    "sanitize_url",
    "security_status",
    "set_release",
    "set_up_logging",
    "setup_middleware",
    "sqlalchemy_check",
    "structured_logger",
]
