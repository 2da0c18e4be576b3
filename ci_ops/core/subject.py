"""The subject of a check: what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ci_ops.core.deadline import Deadline
from ci_ops.core.errors import Problem
from ci_ops.core.pace import Pace
from ci_ops.core.ports.listeners import Servers


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The service or project under measurement; passed to every check."""

    root: Path
    """The project's root folder."""
    url: str = ""
    """The service's address as the user typed it; empty when there is none."""
    revision: str = ""
    """The commit that should be live; empty where it is unknown."""
    previous_revision: str = ""
    is_revision_live: bool = False
    """True once the check `revision` saw the shipped commit on every connection."""
    servers: Servers | None = None
    """The processes that served the address before it was changed; None where they could not be seen."""
    had_health_document: bool = False
    """True when the health address answered a health document before."""
    was_blocked: bool = False
    """True when the service answered 403 to the same client before it was changed."""
    pace: Pace = field(default_factory=Pace, compare=False)
    """Spaces the requests of all checks."""
    deadline: Deadline | None = None
    """Until when a check may wait for its next request; None for at most `timeout_seconds`."""
    deployed_at: datetime | None = None
    """When the deployment began; None where nothing is deployed."""
    published: frozenset[str] = frozenset()
    """Commits that the forge has for sure: the run's event names them."""
    environment: str = "production"
    timeout_seconds: float = 10.0
    """For one try of one check; the machinery keeps the deadline over all tries."""
    config_file: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables as the deployed service will see them, where the user gave them."""
    config_problems: tuple[Problem, ...] | None = None
    """What is wrong with `config_file`; None where it was not read."""
