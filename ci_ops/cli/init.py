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
    help="Folder of the project, relative to here; default: the current folder.",
)
@click.option("--url", default="", help="URL of the service; default: http://127.0.0.1:8000.")
@click.option("--path", default="", help="Folder for releases on this machine; default: /srv/<service>.")
@click.option("--reload", default="", help="Shell command that makes the server load the current release.")
def command(folder: Path, url: str, path: str, reload: str) -> int:
    """Write a first ci-ops.yml and a workflow that fit the project.

    Never overwrites.
    """
    from ci_ops.edge.world import RealWorld  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.flows.init import Wishes, init  # noqa: PLC0415 - the same

    for line in init(folder, RealWorld.from_environment(), Wishes(url=url, path=path, reload=reload)):
        click.echo(line)
    return 0
