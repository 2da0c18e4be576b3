"""`ci-ops config check`: every problem in every environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.config.doubts import doubts
from ci_ops.config.environments import is_meant, listed
from ci_ops.config.find import NAMES, find_file, name_for
from ci_ops.config.load import interpret, read_document
from ci_ops.config.tree import Table
from ci_ops.core.environment import DEFAULT_ENVIRONMENT
from ci_ops.core.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ci_ops.config.load import Source
    from ci_ops.core.errors import Problem


_CONSEQUENCES = {
    "readiness": "; without it `readiness` does not pass",
    "deploy": "; without it `deploy` and `rollback` stop with exit code 2 before they change anything",
    "verify": "; without it `verify`, `deploy` and `rollback` stop with exit code 2",
    "notify": "; without it `deploy`, `rollback` and `notify` stop with exit code 2 before they change anything, "
    "and `verify` leaves the channel out",
}


def check_text(source: Source) -> str:
    """One line that says what was read.

    With no environment asked for, each that is listed is looked at.

    Variables that a section wants and that are not set here are no fault of
    the file: they are listed below. Raises ConfigError with every problem,
    each once, and UsageError where there is no file to check.
    """
    path = find_file(source.start, source.env, source.file)
    if path is None:
        raise UsageError(
            f"there is no {NAMES[0]} from here up to the root of the repository",
            hint="`ci-ops init` writes one; every command also works without.",
        )
    document = read_document(path, source.start)
    asked = (source.environment,) if source.environment else _all_of(listed(document))
    sources = [replace(source, environment=each) for each in asked]
    loaded = [interpret(document, replace(each, uses=())) for each in sources]
    problems = {str(problem): problem for each in loaded for problem in each.problems}
    if problems:
        raise ConfigError(problems.values(), folder=source.start)
    wanted = {str(each): each for one in sources for each in interpret(document, one).problems}.values()
    config = loaded[0].config
    channels = loaded[0].tree.get("notify", "channels")  # one whose variables are not set here counts too
    parts = (
        _count(len(config.readiness.checks) + len(config.verify.checks), "check"),
        "no target"
        if config.deploy.target is None
        else f"target {config.deploy.target.plugin.plugin_name()}",
        _count(len(channels.entries) if isinstance(channels, Table) else 0, "channel"),
        f"{_count(len(loaded), 'environment')} ({', '.join(each.config.environment for each in loaded)})",
    )
    warned = (each for one in loaded for each in (*one.warnings, *doubts(one, path.parent, source.root)))
    warnings = dict.fromkeys(f"warning: {each}" for each in warned)
    summary = f"{name_for(path, source.start)}: no problems in {', '.join(parts)}."
    lines = [summary, *warnings, *map(_not_here, wanted)]
    return "".join(f"{line}\n" for line in lines)


def _all_of(listed: tuple[str, ...]) -> tuple[str, ...]:
    """The environments that are listed, and `production`, which is the file itself where none of them means it."""
    has_default = any(is_meant(DEFAULT_ENVIRONMENT, each, listed) for each in listed)
    return listed if has_default else (DEFAULT_ENVIRONMENT, *listed)


def _not_here(missing: Problem) -> str:
    """A variable that is not set here, and what happens where it is not set either."""
    consequence = _CONSEQUENCES.get(missing.path.partition(".")[0], "")
    return f"warning: {missing}{consequence}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
