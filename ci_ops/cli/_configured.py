"""The configuration that a command works with, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.config.load import Loaded, Source, examine
from ci_ops.config.model import Config
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.flows.readiness import detected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.cli._request import Request
    from ci_ops.core.ports import World

CHANGING = frozenset({"deploy", "rollback"})
_USES = {
    "readiness": frozenset({"readiness"}),
    "verify": frozenset({"verify"}),
    "notify": frozenset({"notify"}),
    "history": frozenset(),
}
"""The sections whose variables a command needs; the others use all but readiness."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configured:
    """What a command works with."""

    config: Config
    problems: tuple[Problem, ...] | None
    """What a check is going to report; None where it would have been raised."""
    notes: tuple[str, ...]
    """What the reader should know."""


def configured(request: Request, world: World, folder: Path, *, repository: str) -> Configured:
    """The configuration of a request. Raises ConfigError, UsageError."""
    loaded = examine(
        Source(
            env=world.env,
            start=folder,
            file=request.get("config"),
            environment=request.get("environment"),
            overrides=request.overrides(),
            uses=_used_by(request),
        )
    )
    config = loaded.config
    is_reported = request.command == "readiness"
    if loaded.problems and not (is_reported and _is_file_checked(config, folder)):
        raise ConfigError(loaded.problems)
    if not config.service:
        config = replace(config, service=repository.rpartition("/")[2] or folder.resolve().name)
    problems = loaded.problems if is_reported else None
    notes = (*(f"{each}." for each in loaded.warnings), *_silenced(request, loaded))
    return Configured(config=config, problems=problems, notes=notes)


def is_dry(request: Request) -> bool:
    """True when the command shall only say what it would do."""
    return bool(request.get("dry_run", False))


def _is_file_checked(config: Config, folder: Path) -> bool:
    """True when a check will report the configuration's problems with everything else it finds."""
    checks = config.readiness.checks or detected(folder)
    return any(check.plugin.plugin_name() == "config-file" for check in checks)


def _used_by(request: Request) -> frozenset[str]:
    """The sections that are needed: a missing address keeps no record open, and a dry run sends nothing."""
    if request.get("finish"):
        return frozenset()
    if request.command in CHANGING and is_dry(request):
        return frozenset({"deploy", "verify"})
    return _USES.get(request.command, frozenset({"deploy", "verify", "notify"}))


def _silenced(request: Request, loaded: Loaded) -> Iterator[str]:
    """Who is not told, where the command would tell somebody and does not insist on it."""
    if request.command == "verify" or request.get("finish"):
        for each in loaded.left_out:
            section, _, rest = each.path.partition(".channels.")
            if section == "notify" and rest:
                yield f"The channel {rest.partition('.')[0]} is left out: {each.sentence}."
