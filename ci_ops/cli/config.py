"""Check the configuration, print its effective values or its schema."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ci_ops.cli._options import DIRECTORY

if TYPE_CHECKING:
    from ci_ops.config.load import Source

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def place_options(command: Decorated) -> Decorated:
    """Add the options that select the configuration file and the environment."""
    options = (
        DIRECTORY,
        click.option(
            "--config", default="", help="Path of the file; default: the nearest ci-ops.yml upwards."
        ),
        click.option(
            "-e",
            "--environment",
            "--env",
            default="",
            help="Environment; default: every one that the file names.",
        ),
    )
    return reduce(lambda done, option: option(done), reversed(options), command)


def python_option(command: Decorated) -> Decorated:
    """Add `--python`, the interpreter that imports the declaration."""
    return click.option(
        "--python", default="", help="Python interpreter that imports it; default: the project's own."
    )(command)


@click.group("config")
def command() -> None:
    """Check the configuration, print its effective values or its schema."""


@command.command("check")
@place_options
@click.option(
    "--app", default="", help="Check the environment against the application's module:name instead."
)
@python_option
def check(directory: str, config: str, environment: str, app: str, python: str) -> int:
    """Report every problem at once, each with its line.

    Runs nothing but what --app names.
    """
    if app:
        from ci_ops.session.declared import checked_text, declared  # noqa: PLC0415 - kept out of `--help`
        from ci_ops.session.environment import user_environment  # noqa: PLC0415 - the same

        env = user_environment(os.environ)
        click.echo(checked_text(app, declared(app, env, python, directory), env), nl=False)
        return 0
    from ci_ops.config.check import check_text  # noqa: PLC0415 - kept out of `--help`

    click.echo(check_text(_source(directory, config, environment)), nl=False)
    return 0


@command.command("variables")
@click.option("--app", required=True, help="The application's declaration, as module:name.")
@click.option("--format", "form", type=click.Choice(("dotenv", "markdown", "json")), default="dotenv")
@python_option
@DIRECTORY
def variables(app: str, form: str, python: str, directory: str) -> int:
    """Print what an application declares: a `.env.example`, a table, or JSON."""
    from ci_ops.session.declared import declared, variables_text  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.session.environment import user_environment  # noqa: PLC0415 - the same

    contract = declared(app, user_environment(os.environ), python, directory)
    click.echo(variables_text(contract, form=form), nl=False)
    return 0


@command.command("show")
@place_options
def show(directory: str, config: str, environment: str) -> int:
    """Print every setting's value and its source; secrets are redacted."""
    from ci_ops.config.show import show_text  # noqa: PLC0415 - kept out of `--help`

    click.echo(show_text(_source(directory, config, environment)), nl=False)
    return 0


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of ci-ops.yml, for editors."""
    from ci_ops.config.schema import schema_text  # noqa: PLC0415 - kept out of `--help`

    click.echo(schema_text(), nl=False)
    return 0


def _source(directory: str, config: str, environment: str) -> Source:
    from ci_ops.config.find import find_project  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.config.load import Source  # noqa: PLC0415 - the same
    from ci_ops.session.environment import user_environment  # noqa: PLC0415 - the same

    env = user_environment(os.environ)
    project = find_project(Path.cwd(), env, file=config, directory=directory)
    return Source(env=env, start=project.folder, file=project.file, environment=environment)
