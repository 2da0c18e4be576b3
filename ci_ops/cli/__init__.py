"""The command line: one file per command, options only.

Each module without a leading underscore holds one click command named
`command`; the folder is the list, and only the command that runs is imported.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import cast

import click

from ci_ops import __version__


class Commands(click.Group):
    """A click group whose commands are the modules of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        del ctx
        return sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of that name; None for an unknown one."""
        if cmd_name not in self.list_commands(ctx):
            return None
        return cast("click.Command", import_module(f"{__name__}.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its module's first line, without imports."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_line(name)) for name in self.list_commands(ctx)])


def _first_line(name: str) -> str:
    for folder in __path__:
        with open(f"{folder}/{name}.py", encoding="utf-8") as source:  # noqa: PTH123 - pathlib costs start time
            return source.readline().strip().strip('"').rstrip(".")
    return ""


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "CI_OPS"},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="ci-ops")
def cli() -> None:
    """Check, deploy, verify, notify, and roll back what does not verify."""
