"""Notify the configured channels, once, of how the job ended."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import dry_run_option, lines_option, shared_options, text_of


@click.command("notify")
@lines_option("--to", "Names of channels or recognised addresses, one on each line.")
@click.option(
    "--status",
    default="",
    help="How the job ended: success, failure or cancelled; default: as the last report says.",
)
@click.option("--sentence", default="", help="Text of the message; default: the last report's sentence.")
@click.option("--sentence-file", default="", help="File with the text of the message.")
@click.option("--revision", default="", help="Commit that the message is about; default: HEAD.")
@click.option("--url", default="", help="URL of the service.")
@dry_run_option
@shared_options
def command(**options: Any) -> int:
    """Notify the configured channels, once, of how the job ended.

    A channel that fails is a warning, never a failure.
    """
    from ci_ops.flows.notify import NotifyOptions, notify  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import run_flow  # noqa: PLC0415 - kept out of `--help`

    wanted = NotifyOptions(
        status=options["status"],
        sentence=text_of(options["sentence"], options["sentence_file"], name="sentence"),
    )
    return run_flow(Call.of("notify", options), partial(notify, options=wanted))
