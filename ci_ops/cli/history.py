"""List the deployments of an environment, newest first."""

from __future__ import annotations

from typing import Any

import click

from ci_ops.cli._options import shared_options


@click.command("history")
@click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=20,
    help="Maximum number of deployments to list; default: 20.",
)
@click.option(
    "--live/--no-live",
    "measure",
    default=True,
    help="Measure on the target and at the service what is live, and mark it.",
)
@click.option("--token", default="", help="GitHub token to read the deployments with.")
@shared_options
def command(**options: Any) -> int:
    """List the deployments of an environment, newest first.

    The first column is what `rollback --to` takes; `(live)` marks the release
    that was measured to be live. Formats: text (default) and json;
    a `--report` ends in .txt or .json.
    """
    from ci_ops.flows.history import history  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.listing import (  # noqa: PLC0415 - the same
        RENDERERS,
        listing_files,
        listing_form,
        write_listing,
    )
    from ci_ops.session.open import opened_session  # noqa: PLC0415 - kept out of `--help`

    form, files = listing_form(options["format"]), listing_files(options["report"])
    with opened_session(Call.of("history", options)) as session:
        listing = history(session.job, options["limit"], measure=options["measure"])
        listing = listing.redacted(session.job.world.redact)
        for path, name in files.items():
            write_listing(path, RENDERERS[name](listing))
        click.echo(RENDERERS[form](listing), nl=False)
    return 0
