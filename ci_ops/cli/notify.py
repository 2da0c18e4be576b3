"""Tell the right people once how it ended."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import dry_run_option, lines_option, shared_options, text_of


@click.command("notify")
@lines_option("--to", "Names of channels, or addresses whose kind is recognised, one a line.")
@click.option(
    "--status", default="", help="How it ended: success, failure or cancelled; the last report's if absent."
)
@click.option("--sentence", default="", help="What to say; the last report's sentence if absent.")
@click.option("--sentence-file", default="", help="A file with what to say.")
@click.option("--revision", default="", help="Commit it is about; HEAD if absent.")
@click.option("--url", default="", help="Address of the service.")
@dry_run_option
@shared_options
def command(**options: Any) -> int:
    """Tell the right people once how it ended.

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
