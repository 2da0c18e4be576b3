"""Whether the code sets up error tracking, logging and a health route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._setup import NO_CODE, SetupCheck
from ci_ops.core.plugin import Rule

if TYPE_CHECKING:
    from ci_ops.checks._project_code import ProjectCode

ERROR_TRACKING = (
    *("sentry_sdk", "rollbar", "bugsnag", "honeybadger", "airbrake", "raygun4py", "appsignal"),
    *("newrelic", "ddtrace", "elasticapm", "opentelemetry"),
)
LOGGING = ("logging.config", "structlog", "loguru", "ci_ops.service.logs")
LOGGING_NAMES = frozenset({"LOGGING", "basicConfig", "dictConfig", "fileConfig"})
HEALTH = ("ci_ops.service.routes", "health_check", "watchman", "fastapi_health", "healthcheck")
HEALTH_NAMES = frozenset(
    {"HealthApp", "HealthWSGI", "health_blueprint", "health_router", "make_health_router"}
    | {"health_routes", "health_urls"}
)
"""With which an application mounts the kit's routes."""
_HEALTH_ROUTE = re.compile(
    r"\^?/?(?:[\w-]+/){0,3}(?:health|healthz|healthcheck|livez|readyz|__heartbeat__)(?:[/$].*)?"
)
_SHORT_ROUTE = re.compile(r"/(?:up|ping|status|live|ready)/?")


@dataclass(frozen=True, kw_only=True)
class MonitoringSetup(SetupCheck):
    """The code sets up error tracking, logging and a health route.

    Read from the imports, names and texts of the project's own Python files, without its tests; nothing is run.
    What is set up elsewhere, such as an agent around the process, is ignored with a reason.
    """

    rules: ClassVar[Mapping[str, Rule]] = {
        "no-error-tracking": Rule(
            sentence="No code sets up error tracking.",
            advice="Set up Sentry or another tracker where the application starts, or ignore this rule with a reason.",
        ),
        "no-logging": Rule(
            sentence="No code configures logging.",
            advice="Configure it where the application starts: `logging.config.dictConfig`, Django's LOGGING, "
            "structlog, or `ci_ops.service`.",
        ),
        "no-health-route": Rule(
            sentence="No code has a health route.",
            advice="Answer /health/ready, for example with the routes of `ci_ops.service`.",
        ),
        **NO_CODE,
    }

    def presence(self, code: ProjectCode) -> Mapping[str, bool]:
        """Return for each rule whether the code imports, names or routes what it wants."""
        return {
            "no-error-tracking": code.imports_any(ERROR_TRACKING),
            "no-logging": code.imports_any(LOGGING) or bool(LOGGING_NAMES & code.names),
            "no-health-route": code.imports_any(HEALTH)
            or bool(HEALTH_NAMES & code.names)
            or any(map(_is_health_route, code.texts)),
        }

    def summary(self, code: ProjectCode) -> str:
        """Return the sentence of a code that has all of it."""
        return f"Error tracking, logging and a health route are set up in {code.extent}."


def _is_health_route(text: str) -> bool:
    return bool(_HEALTH_ROUTE.fullmatch(text) or _SHORT_ROUTE.fullmatch(text))
