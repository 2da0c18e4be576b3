"""Write a first ci-ops.yml and a workflow that fit the project."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.option(
    "--directory",
    "--folder",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder of the project, from here.",
)
@click.option("--url", default="", help="Address of the service; http://127.0.0.1:8000 if absent.")
def command(folder: Path, url: str) -> int:
    """Write a first ci-ops.yml and a workflow that fit the project.

    Never overwrites.
    """
    from ci_ops.edge.world import RealWorld  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.flows.init import init  # noqa: PLC0415 - the same

    for line in init(folder, RealWorld.from_environment(), url=url):
        click.echo(line)
    return 0
