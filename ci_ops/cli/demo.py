"""Run the pipeline on a sample service: a good release, then a bad one."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Empty folder to run it in; default: a new temporary folder.",
)
def command(folder: Path | None) -> int:
    """Run the whole pipeline on a sample service.

    A good release, a bad one, the rollback and its proof.
    """
    from ci_ops.demo.play import play  # noqa: PLC0415 - kept out of `--help`

    return play(folder)
