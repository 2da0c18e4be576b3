"""For gunicorn.conf.py, where `post_worker_init` is imported.

`from ci_ops.service.gunicorn_hooks import post_worker_init`.

Needed with `preload_app`, where the application is loaded before its workers
exist and their signal handlers are set after it, and with the worker class
`asgi`, whose handler only the worker itself knows.
"""

from __future__ import annotations

from typing import Any

from ci_ops.service.lifecycle import application_lifecycle


def post_worker_init(worker: Any) -> None:
    """Drain this worker on SIGTERM."""
    application_lifecycle.watch_signals(worker)
