"""List the deployments of an environment, newest first."""

from __future__ import annotations

from typing import Any

import click

from ci_ops.cli._options import shared_options


@click.command("history")
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="How many.")
@click.option("--token", default="", help="GitHub token, to read the deployments there.")
@shared_options
def command(**options: Any) -> int:
    """List the deployments of an environment, newest first.

    The first column is what `rollback --to` takes.
    """
    from ci_ops.core.text.lines import console_line  # noqa: PLC0415 - the same
    from ci_ops.flows.history import history  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import opened_session  # noqa: PLC0415 - kept out of `--help`

    with opened_session(Call.of("history", options)) as session:
        records = history(session.job, options["limit"])
        for record in records:
            when = f"{record.started_at:%Y-%m-%d %H:%M:%S} UTC" if record.started_at else "-"
            columns = (record.id, record.state, record.kind, record.short_revision, when, record.actor)
            click.echo("  ".join(console_line(each) for each in columns))
        if not records:
            click.echo(f"no deployment is known in {session.job.environment}")
    return 0
