"""The health routes as a FastAPI router.

Take it with `app.include_router(health_router)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from ci_ops.service.routes.starlette import health_routes

if TYPE_CHECKING:
    from ci_ops.service.routes.answer import HealthRoutes


def make_health_router(routes: HealthRoutes | None = None) -> APIRouter:
    """A router with every path of HealthRoutes."""
    return APIRouter(routes=[*health_routes(routes)])


health_router = make_health_router()
"""The router of the application's own `health_service`."""
