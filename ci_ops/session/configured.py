"""The configuration of a call, reduced to what the command uses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.config.load import Loaded, Source, examine
from ci_ops.config.model import Config
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.core.folders import repository_root
from ci_ops.core.text.lines import as_sentence
from ci_ops.flows.readiness import detected
from ci_ops.session.failure import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ci_ops.config.find import Project
    from ci_ops.core.ports.world import World
    from ci_ops.edge.runner import Runner
    from ci_ops.session.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class Configured:
    """The configuration of a command, with the warnings about it."""

    config: Config
    names_service: bool
    """True where the file names the service."""
    problems: tuple[Problem, ...] | None
    """What a check is going to report; None where it would have been raised."""
    notes: tuple[str, ...]
    """What the reader should know."""
    warnings: tuple[Problem, ...] = ()
    """Doubts about the file, which the report lists."""
    target_problem: str = ""
    """Why the target could not be read, so that where it keeps its records is not known; empty where it is."""

    def show(self, runner: Runner, folder: Path, *, note: Callable[[str], None]) -> None:
        """Note every warning; on a runner, annotate its line."""
        for each in self.warnings:
            note(f"{each}.")
            file, line = place_of(each)
            sentence = as_sentence(f"{each.path}: {each.sentence}")
            runner.warning(
                sentence, title="ci-ops configuration", file=runner.place_of(file, folder), line=line
            )


def configured(call: Call, world: World, project: Project, *, repository: str) -> Configured:
    """Return the configuration of a call. Raises ConfigError, UsageError."""
    loaded = examine(
        Source(
            env=world.env,
            start=project.folder,
            file=project.file,
            environment=call.get("environment"),
            overrides=call.overrides(),
            uses=call.used_sections,
        )
    )
    config = loaded.config
    names_service = bool(config.service)
    folder = project.folder
    is_reported = call.traits.reports_problems
    if loaded.problems and not (is_reported and _is_file_checked(config, folder)):
        raise ConfigError(loaded.problems, folder=folder)
    if not names_service:
        config = replace(config, service=_service_of(folder, repository))
    problems = loaded.problems if is_reported else None
    notes = tuple(_channels_without_secret(call, loaded))
    unread = (each.sentence for each in loaded.left_out if each.path.startswith("deploy.target"))
    return Configured(
        config=config,
        names_service=names_service,
        problems=problems,
        notes=notes,
        warnings=loaded.warnings,
        target_problem=next(unread, ""),
    )


def why_unread(read: Configured, *, is_job: bool) -> str:
    """Return why this session may be unable to read the environment's records; empty where it can."""
    if read.target_problem:
        return f"the target's folder is not known, {read.target_problem}"
    return "this runner keeps no records, and no token was given to read GitHub's" if is_job else ""


def _service_of(folder: Path, repository: str) -> str:
    """Return the default name of the service: the repository's, or the folder's below its root."""
    is_below = (root := repository_root(folder)) is not None and root != folder.absolute()
    return folder.resolve().name if is_below or not repository else repository.rpartition("/")[2]


def _is_file_checked(config: Config, folder: Path) -> bool:
    """True when a check of this command will report the configuration's problems as findings."""
    checks = config.readiness.checks or detected(folder)
    return any(check.plugin.plugin_name() == "config-file" for check in checks)


def _channels_without_secret(call: Call, loaded: Loaded) -> Iterator[str]:
    """Return the channels that are skipped because their secret is not set, for commands that allow it."""
    if call.traits.names_silent_channels:
        for each in loaded.left_out:
            section, _, rest = each.path.partition(".channels.")
            if section == "notify" and rest:
                yield f"The channel {rest.partition('.')[0]} is left out: {each.sentence}."
