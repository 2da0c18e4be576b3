"""JSON lines for the whole process, servers and libraries included."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ci_ops.service.logs.formatter import JsonFormatter
from ci_ops.service.logs.record import SECURITY_LOGGER
from ci_ops.service.release import current_release

if TYPE_CHECKING:
    from ci_ops.service.logs.formatter import MoreFields

SECURITY_LOGGERS = (SECURITY_LOGGER, "ci_ops.service.limits")
"""Loggers of the security log: security events, blocked addresses, flagged users."""

SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "gunicorn.error", "hypercorn.error")
ACCESS_LOGGERS = ("uvicorn.access", "gunicorn.access", "hypercorn.access")


def set_up_logging(
    *,
    level: str | int = logging.INFO,
    service: str = "",
    environment: str = "",
    ecs: bool = False,
    stream: TextIO | None = None,
    security_log: str | Path | None = None,
    more: MoreFields | None = None,
    take_over_servers: bool = True,
) -> None:
    """Log JSON lines to a stream, standard output by default; a second call replaces the first.

    With `security_log` security events go to that file, and only there; other
    programs may rotate it. Servers that log for themselves are redirected, and
    their access lines switched off: the middleware writes better ones.
    """
    root = logging.getLogger()
    formatter = JsonFormatter(static=_static(service, environment), more=more, ecs=ecs)
    _put(root, logging.StreamHandler(sys.stdout if stream is None else stream), formatter)
    root.setLevel(level)
    for name in SECURITY_LOGGERS:
        logger = logging.getLogger(name)
        _put(logger, None if security_log is None else _file(Path(security_log)), formatter)
        logger.propagate = security_log is None
    if take_over_servers:
        for name in (*SERVER_LOGGERS, *ACCESS_LOGGERS):
            server = logging.getLogger(name)
            server.handlers.clear()
            server.propagate = name not in ACCESS_LOGGERS


def _static(service: str, environment: str) -> dict[str, str]:
    release = current_release()
    known = {
        "service": service,
        "version": release.version or release.commit[:12],
        "environment": environment,
    }
    return {name: value for name, value in known.items() if value}


def _put(logger: logging.Logger, handler: logging.Handler | None, formatter: JsonFormatter) -> None:
    """Set our handler in place of an earlier one of ours; other handlers stay."""
    for old in [one for one in logger.handlers if isinstance(one.formatter, JsonFormatter)]:
        logger.removeHandler(old)
        old.close()
    if handler is not None:
        handler.setFormatter(formatter)
        logger.addHandler(handler)


def _file(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return logging.handlers.WatchedFileHandler(path, encoding="utf-8", delay=True)
