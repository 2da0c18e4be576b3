"""Shell commands that reload or restart the server onto the linked release.

A server whose release cannot be imported ends on a reload, as gunicorn,
granian and hypercorn do: it cannot be reloaded again, only restarted.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import TYPE_CHECKING

from ci_ops.core.delivery.steps.poll import Poll
from ci_ops.core.delivery.steps.wait import Wait

if TYPE_CHECKING:
    from ci_ops.core.delivery.step import Step

RELOAD_SECONDS = 10
"""How long a reload in a rollback may take to serve before the server is restarted."""

_SHELLS = (
    'if command -v bash >/dev/null; then run="bash -eo pipefail -c"; else run="sh -ec"; fi\n'
    'if command -v timeout >/dev/null; then try="timeout 10 $run"; else try=$run; fi\n'
)
"""A shell of its own for each command: `set -e` counts for nothing on the left of `||`."""


def wait_for_host(health: str, *, deadline_seconds: float) -> Step:
    """Return the step that waits until the host is healthy."""
    title = "Wait until the host is healthy"
    if _is_url(health):
        return Poll(title=title, key="health", url=health, deadline_seconds=deadline_seconds)
    return Wait(title=title, key="health", run=health, deadline_seconds=deadline_seconds)


def health_command(health: str) -> str:
    """Return the shell command that succeeds while the host is healthy."""
    if not _is_url(health):
        return health
    parts = re.split(r"(\$\{\w+\})", health)
    url = "".join(f'"{part}"' if part.startswith("${") else shlex.quote(part) for part in parts if part)
    return (
        f"if command -v curl >/dev/null; then curl -fsS -o /dev/null {url};"
        f" else wget -q -O /dev/null {url}; fi"
    )


def take_up(reload: str, restart: str, health: str) -> str:
    """Return the command that brings the server onto a new release; empty if none is configured.

    A reload that fails while the server answers means that the new release was refused. If the
    server does not answer, a restart cannot do further harm.
    """
    if not (reload and restart):
        return reload or restart
    refused = f"if $try {shlex.quote(health)}; then exit $code; fi" if health else "exit $code"
    return (
        f"{_SHELLS}code=0\n$run {shlex.quote(reload)} || code=$?\n"
        f"if [ $code -ne 0 ]; then\n{refused}\n"
        f"echo 'the reload failed and the server does not answer: restarting it' >&2\n"
        f"$run {shlex.quote(restart)}\nfi"
    )


def return_to(reload: str, restart: str, health: str, *, deadline_seconds: float) -> str:
    """Return the command that restores the previous release on the server; empty if none is configured.

    It restarts the server if the reload fails, or if the server is not healthy afterwards.
    """
    if not (reload and restart):
        return reload or restart
    anew = f"$run {shlex.quote(restart)}"
    script = f"{_SHELLS}$run {shlex.quote(reload)} || {{ echo 'the reload failed: restarting' >&2; {anew}; }}"
    if not health:
        return script
    first = min(RELOAD_SECONDS, math.ceil(deadline_seconds))
    return (
        f"{script}\n"
        f"answers() {{ n=0; until $try {shlex.quote(health)}; do n=$((n + 1));"
        ' [ "$n" -lt "$1" ] || return 1; sleep 1; done; }\n'
        f"answers {max(1, first)} || {{ echo 'not healthy after the reload: restarting' >&2; {anew};"
        f" answers {max(1, math.ceil(deadline_seconds))}; }}"
    )


def _is_url(health: str) -> bool:
    return re.fullmatch(r"https?://\S+", health) is not None
