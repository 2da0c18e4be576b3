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
@click.option("--path", default="", help="Folder for releases on this machine; /srv/<service> if absent.")
@click.option("--reload", default="", help="Command that makes the server take up a release.")
def command(folder: Path, url: str, path: str, reload: str) -> int:
    """Write a first ci-ops.yml and a workflow that fit the project.

    Never overwrites.
    """
    from ci_ops.edge.world import RealWorld  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.flows.init import Wishes, init  # noqa: PLC0415 - the same

    for line in init(folder, RealWorld.from_environment(), Wishes(url=url, path=path, reload=reload)):
        click.echo(line)
    return 0
