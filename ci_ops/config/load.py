"""Loading: from a file, variables and flags to one Config, or to every problem.

Or to everything that is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from ci_ops.config.document import read_file
from ci_ops.config.environments import environment_name, for_environment, listed
from ci_ops.config.find import find_file, name_for
from ci_ops.config.links import problems_of, settled
from ci_ops.config.model import Config
from ci_ops.config.overlay import with_overrides
from ci_ops.config.shapes import record_of
from ci_ops.config.tree import Place, Table
from ci_ops.config.walk import At, Reader
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.core.plugin import Plugin

SECTIONS = ("readiness", "deploy", "verify", "notify")

SCHEMA_KEY = "$schema"
"""A JSON file cannot name its schema in a comment, so it may do it here; it means nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The inputs of a configuration: file, variables, flags and environment."""

    env: Mapping[str, str] = field(repr=False)
    """The environment's variables."""
    start: Path = Path()
    """The folder where the search for the file begins."""
    file: str = ""
    """The file that was asked for (`--config`), relative to `start`; empty for none."""
    environment: str = ""
    """The environment that was asked for; empty means production."""
    overrides: Mapping[str, tuple[object, str]] = field(default_factory=dict, repr=False)
    """What flags and inputs say, with their origin: `{"verify.url": ("https://…", "flag --url")}`."""
    uses: Collection[str] | None = None
    """The sections that are going to be used; variables missing elsewhere are no problem. None means all."""
    root: str = "ci_ops"
    """The package that holds the families of plugins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The result of loading: the configuration as far as it is valid, and its problems."""

    config: Config
    problems: tuple[Problem, ...]
    tree: Table
    """What was read, with the environment's and the flags' words laid over."""
    whole: Config
    """The same with what is switched off."""
    left_out: tuple[Problem, ...] = ()
    """Variables that are missing in the sections that are not going to be used."""
    incomplete: tuple[type[Plugin], ...] = ()
    """Plugins that the file names and that lack nothing but a variable."""

    def plugins(self) -> Iterator[type[Plugin]]:
        """Yield the class of every plugin that the file configures, except disabled ones."""
        yield from (type(each.plugin) for _, each in self.config.plugins())
        yield from self.incomplete

    warnings: tuple[Problem, ...] = ()
    """Doubts that do not stop a command."""


def load(source: Source) -> Config:
    """Return the configuration for one environment; without a file, the defaults and the overrides.

    Raises ConfigError with every problem, and UsageError if a requested file cannot be read.
    """
    loaded = examine(source)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded.config


def examine(source: Source) -> Loaded:
    """Load without raising for the file's content: an invalid file yields its problems and the defaults."""
    path = find_file(source.start, source.env, source.file)
    try:
        document = read_document(path, source.start)
    except ConfigError as error:
        loaded = interpret(Table(Place(), {}), source)
        return replace(loaded, config=replace(loaded.config, file=path), problems=error.problems)
    loaded = interpret(document, source)
    return replace(loaded, config=replace(loaded.config, file=path))


def read_document(path: Path | None, start: Path) -> Table:
    """Return the tree of the file; an empty one without a file. Raises ConfigError."""
    try:
        return read_file(path, file=name_for(path, start)) if path else Table(Place(), {})
    except ConfigError as error:
        error.folder = start
        raise


def interpret(document: Table, source: Source) -> Loaded:
    """Return the document's configuration in the source's environment, with variables and overrides."""
    problems: list[Problem] = []
    document = Table(
        document.place, {key: each for key, each in document.entries.items() if key != SCHEMA_KEY}
    )
    environment = environment_name(source.environment)
    warnings: list[Problem] = []
    in_force = for_environment(document, environment, problems, warnings)
    tree = with_overrides(in_force, source.overrides)
    reader = Reader(source.env, source.root, problems=problems)
    read = cast("Config", reader.read(record_of(Config), tree, At(tree.place)))
    whole = replace(read, environment=environment, secrets=tuple(reader.secrets))
    problems += problems_of(tree, env=source.env, environments=listed(document), root=source.root)
    problems += [each for each in reader.missing if _matters(each, source.uses)]
    problems.sort(key=_line)
    left_out = tuple(each for each in reader.missing if not _matters(each, source.uses))
    return Loaded(
        config=settled(whole, listed(document)),
        problems=tuple(problems),
        tree=tree,
        whole=whole,
        left_out=left_out,
        incomplete=tuple(reader.incomplete),
        warnings=(*warnings, *(each for each in reader.warnings if _matters(each, source.uses or None))),
    )


def _matters(missing: Problem, uses: Collection[str] | None) -> bool:
    section = missing.path.partition(".")[0]
    return uses is None or section not in SECTIONS or section in uses


def _line(problem: Problem) -> tuple[int, ...]:
    """Return the sort key of a problem: its line in the file; problems without one come first."""
    return tuple(int(part) for part in problem.location.rsplit(":", 2)[1:] if part.isdecimal())
