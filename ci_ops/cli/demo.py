"""See it all on a sample service: a good release, a bad one, the way back."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where to play it; a new temporary folder if absent.",
)
def command(folder: Path | None) -> int:
    """See it all on a sample service.

    A good release, a bad one, the way back and its proof.
    """
    from ci_ops.demo.play import play  # noqa: PLC0415 - kept out of `--help`

    return play(folder)
