"""Our client of GitHub, pointed at the double, with a clock that never makes anybody wait."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import DeploymentRecord, State, new_id
from ci_ops.core.text.redact import Redactor
from ci_ops.core.text.secret import Secret
from ci_ops.edge.github import GitHub
from tests.support.jump_clock import JumpClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.ports.clock import Clock
    from tests.support.github_double import GitHubDouble

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
REVISION = "abc1234" + "f" * 33
RECORD = DeploymentRecord(
    id=new_id(START, REVISION),
    service="shop",
    environment="production",
    revision=REVISION,
    previous="20261121T080000Z-1111111",
    previous_revision="1" * 40,
    run_url="https://github.com/org/app/actions/runs/7/job/70",
    url="https://shop.example.com/health",
    started_at=START,
    state=State.RUNNING,
)
"""A deployment that has begun."""
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"


@contextmanager
def client_of(
    double: GitHubDouble, *, token: str = TOKEN, service: str = RECORD.service, clock: Clock | None = None
) -> Iterator[GitHub]:
    """A client that is closed at the end; one second between two tries."""
    github = GitHub(
        repository=double.repository,
        service=service,
        token=Secret(token),
        api_url=double.url,
        clock=clock or JumpClock(),
        waits=lambda: itertools.repeat(1.0),
        redact=Redactor(),
    )
    try:
        yield github
    finally:
        github.close()
