"""Roll back to a verified release, and prove that it is live."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import DURATION, dry_run_option, shared_options, text_of


@click.command("rollback")
@click.option(
    "--to",
    default="",
    help="Deployment id or commit to roll back to; default: the last verified one before the live one.",
)
@click.option("--deployment-id", default="", help="Deployment of this run to undo.")
@click.option(
    "--rollback", default="", help="Shell command that makes DEPLOYMENT_REVISION, an earlier one, live."
)
@click.option("--url", default="", help="URL of the service to prove the rollback with.")
@click.option("--reason", default="", help="Why; shown in the record and the messages.")
@click.option("--reason-file", default="", help="File with the reason.")
@click.option(
    "--deadline",
    type=DURATION,
    default=None,
    help="Maximum time to wait for the service to pass, e.g. 2m (default).",
)
@click.option("--token", default="", help="GitHub token to record the deployment and its statuses with.")
@dry_run_option
@shared_options
def command(**options: Any) -> int:
    """Roll back to a verified release, and prove that it is live.

    A deployment of the same run, or one that was killed half-way, is undone by
    its own journal; otherwise the last verified release before the live one
    is made live again.
    """
    from ci_ops.flows.rollback import RollbackOptions, rollback  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import run_flow  # noqa: PLC0415 - kept out of `--help`

    wanted = RollbackOptions(
        to=options["to"],
        deployment_id=options["deployment_id"],
        reason=text_of(options["reason"], options["reason_file"], name="reason"),
    )
    return run_flow(Call.of("rollback", options), partial(rollback, options=wanted))
