"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from ci_ops.core.errors import UsageError
from ci_ops.core.text.durations import parse_duration

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class LinesType(click.ParamType):  # type: ignore[type-arg] # click 8.1 has none
    """A list of values on separate lines, as in an action's inputs; never split at spaces."""

    name = "lines"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the non-blank lines, stripped."""
        del param, ctx
        if isinstance(value, tuple):
            return value
        return tuple(line.strip() for line in str(value).splitlines() if line.strip())

    def split_envvar_value(self, rv: str) -> list[str]:
        """Return the variable's value unsplit, because click would split it at spaces."""
        return [rv]


class DurationType(click.ParamType):  # type: ignore[type-arg] # the same
    """A duration: `500ms`, `2m` or a number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the duration in seconds."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


LINES = LinesType()
DURATION = DurationType()


def lines_option(name: str, help_text: str) -> Callable[[Decorated], Decorated]:
    """Return a repeatable option whose values may contain several lines."""
    return click.option(
        name,
        type=LINES,
        multiple=True,
        default=(),
        callback=lambda _context, _option, values: tuple(line for lines in values for line in lines),
        help=help_text,
    )


DIRECTORY = click.option(
    "--directory",
    default="",
    help="Folder of the project, relative to here; default: that of the nearest ci-ops.yml.",
)
_PLACE = (
    DIRECTORY,
    click.option(
        "--config", default="", help="Path of ci-ops.yml or ci-ops.json; default: the nearest one upwards."
    ),
    click.option(
        "-e",
        "--environment",
        "--env",
        default="",
        help="Environment, e.g. staging; default: production.",
    ),
)
_OUTPUT = (
    click.option(
        "--format", default="", help="Format of the report on standard output: text, json or markdown."
    ),
    lines_option(
        "--report", "Files to write the report to; the extension (.txt, .json, .md) sets the format."
    ),
)
_LOG = (
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="warning",
        help="Lowest level that is logged: debug, info, warning (default) or error.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        help="Format of the log: text (default) or json.",
    ),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path),
        default=None,
        help="File to write the log to; default: standard error.",
    ),
)


def shared_options(command: Decorated) -> Decorated:
    """Add the options for configuration, output and logging that every flow's command has."""
    return reduce(lambda done, option: option(done), reversed((*_PLACE, *_OUTPUT, *_LOG)), command)


def dry_run_option(command: Decorated) -> Decorated:
    """Add `--dry-run` to a command that changes something."""
    return click.option(
        "--dry-run/--no-dry-run", default=False, help="Print what would be done; change and send nothing."
    )(command)


def fail_on_option(command: Decorated) -> Decorated:
    """Add `--fail-on` to a command that returns a verdict."""
    return click.option(
        "--fail-on",
        type=click.Choice(["fail", "warn"]),
        default=None,
        help="Lowest severity that fails the command: fail (default) or warn.",
    )(command)


def text_of(value: str, file: str, *, name: str) -> str:
    """Return the value of a free-text option or of its `-file` twin. Raises UsageError."""
    if value and file:
        raise UsageError(f"both `{name}` and `{name}-file` are given", where=name, hint="Give one of them.")
    if not file:
        return value
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the file {file} cannot be read as UTF-8 text", where=f"{name}-file") from error
