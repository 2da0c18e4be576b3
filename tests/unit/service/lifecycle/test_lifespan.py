"""The life of an application around its own lifespan: frameworks that have one, applications that know none."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.lifespan import compose_lifespans
from tests.support.parts import ROOT


def test_a_lifespan_of_its_own_is_composed_with_others(life: ApplicationLifecycle) -> None:
    order: list[str] = []

    def named(name: str, state: dict[str, str] | None) -> Callable[[Any], Any]:
        @asynccontextmanager
        async def lifespan(_: Any) -> AsyncIterator[dict[str, str] | None]:
            order.append(f"{name} up, {life.health.availability.refusal}")
            yield state
            order.append(f"{name} down, {life.health.availability.refusal}")

        return lifespan

    async def live() -> None:
        composed = compose_lifespans(
            named("pool", {"pool": "p"}), named("cache", {"cache": "c"}), named("jobs", None), life.lifespan
        )
        async with composed(None) as state:
            order.append(f"{sorted(state)} {life.health.availability.refusal}")

    asyncio.run(live())

    assert order == [
        "pool up, ",
        "cache up, ",
        "jobs up, ",
        "['cache', 'pool'] ",
        "jobs down, draining",
        "cache down, draining",
        "pool down, draining",
    ]


def _talk(app: Any, *, sends: list[str] | None = None) -> list[str]:
    """Run one lifespan scope to its end; what the server hears."""
    messages = sends or ["lifespan.startup", "lifespan.shutdown"]
    heard: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": messages.pop(0)}

    async def send(message: dict[str, str]) -> None:
        heard.append(f"{message['type']} {message.get('message', '')}".strip())

    asyncio.run(app({"type": "lifespan", "state": {}}, receive, send))
    return heard


def test_around_fastapi_its_own_lifespan_still_runs_between_check_and_accept(
    life: ApplicationLifecycle,
) -> None:
    order = []
    life.add_startup_check("first", lambda: order.append("checked"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        order.append(f"up, {life.health.availability.refusal}")
        yield
        order.append(f"down, {life.health.availability.refusal}")

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(life.asgi)
    life.add_shutdown_hook(lambda: order.append("closed"))

    assert _talk(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert order == ["checked", "up, starting", "down, draining", "closed"]


@pytest.mark.usefixtures("deployable")
@pytest.mark.filterwarnings(r"ignore:\s*on_event is deprecated")
def test_the_documented_start_and_end_hooks_work_as_written(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    session_maker = sessionmaker(engine)
    app = FastAPI()

    @app.on_event("startup")
    async def startup() -> None:
        await life.on_startup(session_maker)

    @app.on_event("shutdown")
    async def shutdown() -> None:
        await life.on_shutdown()

    assert _talk(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    engine.dispose()
    assert [one.name for one in life.health.checks] == ["database"]
    assert life.startup_seconds is not None
    assert life.health.availability.refusal == "draining"


def test_django_which_knows_no_lifespan_gets_one() -> None:
    program = """
import asyncio
from django.conf import settings
settings.configure(SECRET_KEY="x" * 50, ROOT_URLCONF=__name__)
urlpatterns = []
from django.core.asgi import get_asgi_application
from ci_ops.service import application_lifecycle, health_service

health_service.add(lambda: True, name="stock")
application_lifecycle.add_startup_check("settings", lambda: print("checked"))
application_lifecycle.add_shutdown_hook(lambda: print("closed"))
app = application_lifecycle.asgi(get_asgi_application())
messages = ["lifespan.startup", "lifespan.shutdown"]

async def receive():
    return {"type": messages.pop(0)}

async def send(message):
    print(message["type"])

asyncio.run(app({"type": "lifespan"}, receive, send))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout.split() == [
        "checked",
        "lifespan.startup.complete",
        "closed",
        "lifespan.shutdown.complete",
    ]


def test_an_application_that_knows_no_lifespan_gets_one(life: ApplicationLifecycle) -> None:
    ended = []
    life.add_shutdown_hook(lambda: ended.append(1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(f"only http, not {scope['type']}")

    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    for one in (app, silent):
        assert _talk(life.asgi(one)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(ended) == 2


def test_without_a_lifespan_an_asgi_application_is_not_ready_until_it_is_started(
    life: ApplicationLifecycle,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    life.asgi(app)
    before = life.health.report("ready").refusal
    life.start()
    life.asgi(app)

    assert (before, life.health.report("ready").refusal) == ("starting", "")


def test_a_start_that_fails_is_told_to_the_server_and_nothing_else_runs(life: ApplicationLifecycle) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not reached")

    life.add_startup_check("secrets", lambda: False)

    assert _talk(life.asgi(app)) == ["lifespan.startup.failed not started, because of secrets"]


def test_an_application_that_fails_in_its_own_lifespan_is_not_hidden(life: ApplicationLifecycle) -> None:
    async def fails_to_start(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no pool"})

    async def fails_to_end(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise OSError("pool")

    ended = []
    life.add_shutdown_hook(lambda: ended.append(life.health.availability.refusal))

    assert _talk(life.asgi(fails_to_start)) == ["lifespan.startup.failed no pool"]
    with pytest.raises(OSError, match="pool"):
        _talk(life.asgi(fails_to_end))
    assert ended == ["draining"] * 2


def test_an_application_that_dies_in_its_startup_is_never_ready(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise OSError("postgresql://shop:hunter2hunter2@db refused")

    said = _talk(life.asgi(app), sends=["lifespan.startup"])

    assert said == ["lifespan.startup.failed the application failed in its startup: OSError"]
    assert life.health.availability.refusal == "draining"
    assert caplog.records[-2].exc_info is not None


def test_an_application_that_dies_while_it_serves_keeps_its_pools_until_its_end(
    life: ApplicationLifecycle,
) -> None:
    ended = []
    life.add_shutdown_hook(lambda: ended.append(1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        _talk(life.asgi(app), sends=["lifespan.startup"])

    assert (ended, life.health.availability.refusal) == ([], "")
