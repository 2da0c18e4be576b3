"""`kill -HUP` replaces gunicorn's workers behind their socket: nobody has to leave the rotation for it."""

import signal
from pathlib import Path

import pytest

from tests.support.servers import Launch, Server
from tests.support.waiting import wait_until

_WSGI, _ASGI = "tests.support.kit_apps:wsgi()", "tests.support.kit_apps:asgi()"
WORKERS = {
    "sync": _WSGI,
    "gthread": f"--threads 4 {_WSGI}",
    "preload": f"--preload {_WSGI}",
    "uvicorn": f"-k uvicorn.workers.UvicornWorker {_ASGI}",
    "asgi": f"-k asgi {_ASGI}",
}
GUNICORN = "gunicorn --bind 127.0.0.1:0 --graceful-timeout 20 --workers 2"


@pytest.fixture
def launch(launch: Launch, tmp_path: Path) -> Launch:
    (tmp_path / "gunicorn.conf.py").write_text(
        "from ci_ops.service.gunicorn_hooks import on_reload, post_worker_init\n"
    )

    def start(kind: str) -> Server:
        words = f"{GUNICORN} --config {tmp_path}/gunicorn.conf.py {WORKERS[kind]}"
        return launch(words, DRAIN="1").wait_ready()

    return start


def _pids(server: Server, *, other_than: frozenset[bytes] = frozenset()) -> frozenset[bytes]:
    """Both workers, once nobody else answers; every answer on the way is a good one."""
    last: list[bytes] = []

    def both_and_nobody_else_answer() -> bool:
        assert server.get("/health/ready") == 200
        status, _, body = server.ask("/")
        assert status == 200
        last.append(body)
        return len(set(last[-12:])) == 2 and not other_than & set(last[-12:])

    wait_until(both_and_nobody_else_answer)
    return frozenset(last[-12:])


@pytest.mark.parametrize("kind", WORKERS)
def test_a_reload_replaces_the_workers_and_the_service_stays_ready(kind: str, launch: Launch) -> None:
    server = launch(kind)
    before = _pids(server)
    server.process.send_signal(signal.SIGHUP)

    after = _pids(server, other_than=before)

    assert not before & after
    assert "another worker takes over" in server.log
    assert "draining" not in server.log

    server.terminate()
    wait_until(lambda: server.get("/health/ready") == 503)
    assert server.get("/") == 200
    assert server.wait() == 0
    assert "is not watched" not in server.log
