"""Probe a health route from a shell, a Dockerfile or a preStop hook, without curl.

    python -m ci_ops.service.probe                       # 127.0.0.1:$API_PORT/health/ready, else PORT, else 8000
    python -m ci_ops.service.probe http://127.0.0.1:8000/health/live

A probe of this machine sends the token in CI_OPS_HEALTH_TOKEN, and so names
the checks that do not pass. Prints one line. Exit code 0 for pass and warn, 1
for everything else, 2 for a wrong call.
"""

from __future__ import annotations

import http.client
import os
import sys
from urllib.parse import urlsplit

from ci_ops.core.health.document import HealthDocument, parse_health
from ci_ops.core.health.status import Status
from ci_ops.core.text.lines import one_line
from ci_ops.service._process.web_get import WebGet
from ci_ops.service.health.gate import TOKEN_VARIABLE, is_loopback_name

TIMEOUT_SECONDS = 5.0
MAX_BODY_BYTES = 256 * 1024


def probe_health(url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> HealthDocument:
    """Probe a health route and return its document.

    A status of 400 and more is fail, whatever the body says. A service that does
    not answer is fail as well, with the reason as its `problem`. Raises ValueError
    for an address that is not HTTP.
    """
    get = WebGet(
        url,
        headers={"Accept": "application/health+json", "Cache-Control": "no-cache", **credentials(url)},
        timeout_seconds=timeout_seconds,
        max_body_bytes=MAX_BODY_BYTES,
    )
    try:
        status, body = get()
    except (OSError, http.client.HTTPException) as error:
        return HealthDocument(status=Status.FAIL, problem=f"no answer: {type(error).__name__}: {error}")
    document = parse_health(body)
    if status < 400 or document.status is Status.FAIL:
        return document
    return HealthDocument(
        status=Status.FAIL,
        word=document.word,
        components=document.components,
        problem=f"answered {status}",
    )


def credentials(url: str) -> dict[str, str]:
    """Return the header with this environment's health token for an address on this machine; else none."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    host = urlsplit(url).hostname or ""
    return {"Authorization": f"Bearer {token}"} if token and is_loopback_name(host) else {}


def main(arguments: list[str]) -> int:
    """Probe the given address, or readiness on this machine, and return the exit code.

    The port is API_PORT, else PORT, else 8000, as the service itself reads them.
    """
    if len(arguments) > 1:
        print("usage: python -m ci_ops.service.probe [URL]", file=sys.stderr)  # noqa: T201 - a command
        return 2
    port = os.environ.get("API_PORT") or os.environ.get("PORT") or "8000"
    url = arguments[0] if arguments else f"http://127.0.0.1:{port}/health/ready"
    try:
        document = probe_health(url)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 2
    parts = [f"{one.name} {one.status.value}" for one in document.not_passing]
    line = ", ".join([document.status.value, *filter(None, [document.problem, *parts])])
    print(one_line(line))  # noqa: T201 - a command
    return 0 if document.status.is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
