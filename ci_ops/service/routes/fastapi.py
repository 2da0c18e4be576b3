"""The health routes as a FastAPI router: `app.include_router(health_router)`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from ci_ops.service.routes.ahead import put_ahead
from ci_ops.service.routes.starlette import health_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ci_ops.service.routes.answer import HealthRoutes


def make_health_router(routes: HealthRoutes | None = None) -> APIRouter:
    """Return a router with every path of HealthRoutes.

    Once the application has started, its routes are answered before its own
    middleware, such as a login.
    """
    return APIRouter(routes=[*health_routes(routes)], lifespan=_lifespan)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    put_ahead(app)
    yield


health_router = make_health_router()
"""The router of the application's own `health_service`."""
