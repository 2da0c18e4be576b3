"""Hooks for gunicorn.conf.py.

`from ci_ops.service.gunicorn_hooks import on_reload, post_worker_init`.

`on_reload` keeps the service in the rotation while `kill -HUP` replaces its
workers. `post_worker_init` is needed with `preload_app`, where the application
is loaded before its workers exist and their signal handlers are set after it,
and with the worker class `asgi`, whose handler only the worker itself knows.
"""

from __future__ import annotations

from typing import Any

from ci_ops.service.lifecycle.generations import generations


def post_worker_init(worker: Any) -> None:
    """Drain this worker on SIGTERM."""
    from ci_ops.service.lifecycle.application import application_lifecycle  # noqa: PLC0415 - the master has none

    application_lifecycle.watch_signals(worker)


def on_reload(server: Any) -> None:
    """Let the current workers stop without a drain."""
    del server
    generations.begin()
