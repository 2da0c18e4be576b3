"""The service document of old, word by word: its main.py with the imports of now, its curl calls, its loops."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import running_postgres
from tests.support.parts import ROOT
from tests.support.servers import Launch, Server
from tests.support.waiting import wait_until

MAIN = """
import os

from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

app = FastAPI()
session_maker = sessionmaker(create_engine(os.environ["ENGINE_URL"]))

from ci_ops.service import health_router
app.include_router(health_router)

from ci_ops.service import setup_middleware
setup_middleware(app)

from ci_ops.service import application_lifecycle

@app.on_event("startup")
async def startup():
    await application_lifecycle.on_startup(session_maker)

@app.on_event("shutdown")
async def shutdown():
    await application_lifecycle.on_shutdown()

from ci_ops.service import application_config

@app.on_event("startup")
async def validate_config():
    await application_config.validate_all()

@app.get("/api/users")
async def users():
    return ["ada"]
"""
READINESS = """
import asyncio
from ci_ops.service import deployment_checker

async def main():
    all_pass, results = await deployment_checker.run_all_checks()
    summary = deployment_checker.get_summary()
    assert summary["total"] == len(results)
    print(all_pass, *(f"{one.name}={one.status}" for one in results))

asyncio.run(main())
"""
ENVIRONMENT = {
    "API_HOST": "127.0.0.1",
    "API_PORT": "8000",
    "API_WORKERS": "4",
    "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7",
    "BOT_TOKEN": "123456789:AAH9hkQW3eR5tY7uI9oP1aS3dF5gH7jK9lZ",
    "ADMIN_IDS": "1,2,3",
    "PYTHONPATH": str(ROOT),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def launch(launch: Launch, tmp_path: Path, address: str) -> Launch:
    (tmp_path / "main.py").write_text(MAIN)

    def start(**env: str) -> Server:
        database = {
            "DATABASE_URL": address.replace("postgresql://", "postgresql+asyncpg://"),
            "ENGINE_URL": address.replace("postgresql://", "postgresql+psycopg://"),
        }
        words = "uvicorn --host 127.0.0.1 --port 0 main:app"
        return launch(words, tmp_path, **{**ENVIRONMENT, **database, **env})

    return start


def test_the_documented_calls_are_answered_and_the_limit_is_kept(launch: Launch) -> None:
    server = launch().wait_ready()
    wait_until(lambda: b'"healthy":1' in server.ask("/health/summary")[2])  # a slow first answer is degraded
    bodies = {}
    for name in ("live", "ready", "check", "summary", "metrics", "security"):
        status, headers, body = server.ask(f"/health/{name}")
        assert (status, headers["cache-control"]) == (200, "no-store"), name
        bodies[name] = body.decode()
    checked = json.loads(bodies["check"])

    assert set(checked["checks"]) == {"database"}
    assert "circuitBreakers" in checked
    assert json.loads(bodies["summary"])["healthy"] == 1
    assert 'ci_ops_health_status{component="database"} 1' in bodies["metrics"]
    assert {"abuse", "ddos"} <= set(json.loads(bodies["security"]))

    users = [_as_user_1(server, "/api/users") for _ in range(110)]
    assert users[:100] == [200] * 100
    assert Counter(users[100:]) == {429: 10}
    assert server.get("/health/live") == 200
    assert '"blocked":1' in server.ask("/health/security")[2].decode()


def _as_user_1(server: Server, path: str) -> int:
    """What the document sends; the header alone makes nobody that user, so the address pays."""
    return server.ask(path, {"X-User-ID": "1"})[0]


def test_a_hundred_and_one_requests_to_any_path_are_one_too_many(launch: Launch) -> None:
    server = launch().wait_ready()

    answers = [server.get("/api/health") for _ in range(101)]

    assert answers == [404] * 100 + [429]


def test_with_the_documented_hooks_too_readiness_goes_down_before_the_server_does(launch: Launch) -> None:
    server = launch(CI_OPS_DRAIN_SECONDS="1").wait_ready()
    server.terminate()
    wait_until(lambda: server.get("/health/ready") == 503)

    assert server.get("/api/users") == 200
    assert server.wait() == -15
    assert "Application shutdown complete" in server.log


def test_the_deployment_readiness_check_says_what_it_looked_at(tmp_path: Path, address: str) -> None:
    env = {**os.environ, **ENVIRONMENT, "DATABASE_URL": address}
    done = subprocess.run(
        [sys.executable, "-c", READINESS], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    all_pass, *found = done.stdout.split()

    assert all_pass == "True"
    assert {"environment=pass", "database=pass", "dependencies=pass"} <= set(found)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"SECRET_KEY": "hunter2hunter2"}, "SECRET_KEY"),
        ({"ENGINE_URL": "sqlite:////nowhere/shop.db"}, "database: OperationalError"),
        ({"API_PORT": "hunter2hunter2"}, "API_PORT"),
    ],
)
def test_a_release_that_cannot_work_does_not_start_and_says_why(
    launch: Launch, env: dict[str, str], said: str
) -> None:
    server = launch(**env)

    assert server.wait() == 3
    assert said in server.log
    assert "hunter2hunter2" not in server.log
