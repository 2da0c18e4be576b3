"""What the kit loads into an application: core and service, and the one library that an adapter is for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.support.doc_examples import NOT_FOR_APPLICATIONS
from tests.support.parts import ROOT


@dataclass(frozen=True, kw_only=True)
class Case:
    """An application with a part of the kit: what it is without, and what the kit adds."""

    theirs: str
    ours: str
    brings: frozenset[str] = frozenset()
    """The packages that our part may load beside what is there already."""


ASK_ASGI = "for path in PATHS: assert call_asgi(app, path).status == 200"
ASK_WSGI = "for path in PATHS: assert call_wsgi(app, path).status == 200"
DJANGO = """
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None, MIDDLEWARE=MIDDLEWARE,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
from django.core.wsgi import get_wsgi_application
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("shop", lambda request: HttpResponse("shop"))]
"""
MOUNTS = {
    "fastapi": Case(
        theirs="from fastapi import FastAPI; app = FastAPI(); call_asgi(app, '/'); app = FastAPI()",
        ours="""
from ci_ops.service import application_lifecycle, health_router, health_service, setup_middleware
app.include_router(health_router)
app.add_middleware(application_lifecycle.asgi)
setup_middleware(app)
application_lifecycle.start()
""",
    ),
    "starlette": Case(
        theirs="""
from starlette.applications import Starlette
from starlette.routing import Mount
call_asgi(Starlette(), '/')
""",
        ours="""
from ci_ops.service import application_lifecycle, health_routes, setup_middleware
app = Starlette(routes=[*health_routes()], lifespan=application_lifecycle.lifespan)
setup_middleware(app)
""",
    ),
    "django": Case(
        theirs=f"MIDDLEWARE = []\n{DJANGO}\ncall_wsgi(get_wsgi_application(), '/shop')\nconnection.cursor()",
        ours="""
from ci_ops.service import application_lifecycle, django_database_check, health_service, health_urls
from ci_ops.service import setup_middleware
health_service.add(django_database_check())
urlpatterns += health_urls()
app = setup_middleware(application_lifecycle.wsgi(get_wsgi_application()))
""",
        brings=frozenset({"django"}),
    ),
    "django-middleware": Case(
        theirs=f"MIDDLEWARE = ['ci_ops.service.routes.django.health_middleware']\n{DJANGO}",
        ours="app = get_wsgi_application()",
    ),
    "flask": Case(
        theirs="from flask import Flask; call_wsgi(Flask('shop'), '/'); app = Flask('shop')",
        ours="""
from ci_ops.service import application_lifecycle, health_blueprint, setup_middleware
app.register_blueprint(health_blueprint())
app.wsgi_app = application_lifecycle.wsgi(app.wsgi_app)
setup_middleware(app)
""",
    ),
    "asgi": Case(
        theirs="",
        ours="""
from ci_ops.service import HealthApp, application_lifecycle, setup_middleware
app = setup_middleware(application_lifecycle.asgi(HealthApp()))
application_lifecycle.start()
""",
    ),
    "wsgi": Case(
        theirs="",
        ours="""
from ci_ops.service import HealthWSGI, application_lifecycle, setup_middleware
app = setup_middleware(application_lifecycle.wsgi(HealthWSGI()))
""",
    ),
}
ADAPTERS = {
    "redis": Case(
        theirs="import redis, redis.asyncio; client = redis.Redis()",
        ours="from ci_ops.service import AsyncRedisStore, RedisStore, redis_check\n"
        "RedisStore.from_url('redis://127.0.0.1'); AsyncRedisStore.from_url('redis://127.0.0.1'); redis_check(client)",
    ),
    "prometheus_client": Case(
        theirs="import prometheus_client",
        ours="""
from ci_ops.service import include_prometheus_client, metrics_collector
from ci_ops.service.metrics.prometheus import KitCollector
metrics_collector.counter("orders_total", "Orders.").inc()
assert [*KitCollector().collect()]
include_prometheus_client()
""",
        brings=frozenset({"prometheus_client"}),
    ),
    "structlog": Case(
        theirs="import structlog",
        ours="from ci_ops.service.logs.structlog import add_context, render_json\n"
        "structlog.configure(processors=[add_context, render_json])\n"
        "structlog.get_logger().info('started')",
    ),
    "psycopg_pool": Case(
        theirs="import psycopg, psycopg_pool",
        ours="from ci_ops.service import ConnectionPoolManager, database_check, pool_check\n"
        "pool = ConnectionPoolManager('postgresql://127.0.0.1/shop', min_size=1, max_size=2)\n"
        "pool_check(pool); pool.report(); database_check('postgresql://127.0.0.1/shop')",
    ),
    "sqlalchemy": Case(
        theirs="import sqlalchemy; engine = sqlalchemy.create_engine('sqlite://')\n"
        "with engine.connect() as connection: connection.execute(sqlalchemy.text('SELECT 1'))",
        ours="from ci_ops.service import health_service, sqlalchemy_check\n"
        "health_service.add(sqlalchemy_check(engine)); assert health_service.report().is_ready",
    ),
    "alembic": Case(
        theirs="import sqlalchemy; engine = sqlalchemy.create_engine('sqlite://'); import alembic.config",
        ours="from ci_ops.service import MigrationValidator\n"
        "MigrationValidator(alembic.config.Config(), engine).run_all_checks_sync()",
        brings=frozenset({"alembic", "mako", "markupsafe", "sqlalchemy"}),
    ),
    "configuration": Case(
        theirs="",
        ours="from ci_ops.service import ConfigValidator, application_config, deployment_checker\n"
        "assert not application_config.validate()",
    ),
    "outside": Case(
        theirs="",
        ours="from ci_ops.service import Retry, cache_health_check, http_check, set_up_logging, "
        "configure_render_deployment, probe_health\nset_up_logging(service='shop')",
    ),
}


def loaded_by_the_kit(case: Case, end: str) -> set[str]:
    """The modules that are there after our part and were not before it."""
    program = "\n".join(
        (
            f"import sys; sys.path.insert(0, {str(ROOT)!r})",
            "from tests.support.web_calls import call_asgi, call_wsgi",
            "PATHS = ('/health/ready', '/health/check', '/health/metrics', '/health/security', '/__version__')",
            case.theirs,
            "before = {*sys.modules}",
            case.ours,
            end,
            "print('loaded', *sorted({*sys.modules} - before))",
        )
    )
    command = [sys.executable, "-I", "-W", "error", "-c", program]
    done = subprocess.run(
        command, env={"CI_OPS_HEALTH_DETAILS": "loopback"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("loaded ")]
    return {*line.split()[1:]}


def check_weight(loaded: set[str], case: Case) -> None:
    tops = {name.partition(".")[0] for name in loaded}
    ours = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("ci_ops")}

    assert ours <= {"ci_ops", "ci_ops.core", "ci_ops.service"}
    assert not tops & (NOT_FOR_APPLICATIONS - case.brings)
    assert tops - {"ci_ops"} - sys.stdlib_module_names <= case.brings


@pytest.mark.parametrize("name", MOUNTS)
def test_an_application_with_the_kit_loads_nothing_of_the_command_line(name: str) -> None:
    case = MOUNTS[name]
    is_asgi = name in {"fastapi", "starlette", "asgi"}
    loaded = loaded_by_the_kit(case, ASK_ASGI if is_asgi else ASK_WSGI)

    assert {"ci_ops.service.health.service", "ci_ops.service.routes.answer"} <= loaded
    check_weight(loaded, case)


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_loads_its_own_library_alone(name: str) -> None:
    check_weight(loaded_by_the_kit(ADAPTERS[name], ""), ADAPTERS[name])


def test_a_part_of_the_kit_loads_no_other_part() -> None:
    case = Case(
        theirs="", ours="from ci_ops.service import Limiter, Quota; Limiter(Quota(limit=1, window_seconds=1))"
    )
    parts = {name.split(".")[2] for name in loaded_by_the_kit(case, "") if name.startswith("ci_ops.service.")}

    assert "limits" in parts
    assert not parts & {
        "health",
        "lifecycle",
        "logs",
        "metrics",
        "middleware",
        "resilience",
        "routes",
        "settings",
    }


def test_importing_the_kit_costs_next_to_nothing() -> None:
    loaded = loaded_by_the_kit(Case(theirs="import typing, importlib", ours="import ci_ops.service"), "")

    assert loaded == {"ci_ops", "ci_ops.service"}
