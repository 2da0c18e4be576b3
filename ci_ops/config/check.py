"""`ci-ops config check`: every problem in every environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.config.doubts import doubts
from ci_ops.config.environments import is_meant, listed
from ci_ops.config.find import NAMES, find_file, name_for
from ci_ops.config.load import interpret, read_document
from ci_ops.config.model import Config
from ci_ops.config.shapes import families_in, record_of
from ci_ops.core.environment import DEFAULT_ENVIRONMENT
from ci_ops.core.errors import ConfigError, UsageError
from ci_ops.core.plugin import family_bases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.config.load import Loaded, Source
    from ci_ops.core.errors import Problem


_CONSEQUENCES = {
    "readiness": "; without it `readiness` does not pass",
    "deploy": "; without it `deploy` and `rollback` stop with exit code 2 before they change anything",
    "verify": "; without it `verify`, `deploy` and `rollback` stop with exit code 2",
    "notify": "; without it `deploy`, `rollback` and `verify` leave the channel out, "
    "and `notify` stops with exit code 2",
}


def check_text(source: Source) -> str:
    """Return the summary of a valid file. Raises ConfigError with every problem, each once.

    Without a requested environment, every listed one is checked. Variables that a section requires
    and that are not set here are no fault of the file: the summary lists them. Raises UsageError if
    there is no file to check.
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
    environments = ", ".join(each.config.environment for each in loaded)
    parts = (*_named(loaded[0]), f"{_count(len(loaded), 'environment', 'environments')} ({environments})")
    warned = (each for one in loaded for each in (*one.warnings, *doubts(one, path.parent, source.root)))
    warnings = dict.fromkeys(f"warning: {each}" for each in warned)
    summary = f"{name_for(path, source.start)}: no problems in {', '.join(parts)}."
    lines = [summary, *warnings, *map(_not_here, wanted)]
    return "".join(f"{line}\n" for line in lines)


def _all_of(listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the listed environments, plus `production` unless a listed one has that meaning."""
    has_default = any(is_meant(DEFAULT_ENVIRONMENT, each, listed) for each in listed)
    return listed if has_default else (DEFAULT_ENVIRONMENT, *listed)


def _not_here(missing: Problem) -> str:
    """Return the line for a variable that is not set here, with the consequence if it stays unset."""
    consequence = _CONSEQUENCES.get(missing.path.partition(".")[0], "")
    return f"warning: {missing}{consequence}"


def _named(loaded: Loaded) -> Iterator[str]:
    """Return how many plugins of each family the file configures."""
    named = list(loaded.plugins())
    for family, is_many in families_in(record_of(Config)).items():
        base = family_bases()[family]
        found = [each for each in named if issubclass(each, base)]
        if is_many:
            yield _count(len(found), base.family_word, family)
        else:
            yield f"{base.family_word} {found[0].plugin_name()}" if found else f"no {base.family_word}"


def _count(number: int, word: str, words: str) -> str:
    return f"{number} {word if number == 1 else words}"
