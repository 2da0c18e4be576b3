"""Verify the live service; a check that measured nothing never passes."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import DURATION, fail_on_option, shared_options


@click.command("verify")
@click.option("--url", default="", help="URL of the service; with a path, it is the health URL.")
@click.option("--revision", default="", help="Commit that must be live, 40 hexadecimal digits.")
@click.option(
    "--deployment-id", default="", help="Deployment that the verdict is recorded for: the output of `deploy`."
)
@click.option(
    "--deadline",
    type=DURATION,
    default=None,
    help="Maximum time to wait for the service to pass, e.g. 2m (default).",
)
@click.option(
    "--on-error",
    type=click.Choice(["rollback", "hold"]),
    default=None,
    help="What to do when the service could not be measured: rollback (default) or hold.",
)
@click.option("--token", default="", help="GitHub token to set the deployment's status with.")
@fail_on_option
@shared_options
def command(**options: Any) -> int:
    """Verify the live service; a check that measured nothing never passes.

    Never changes the service.
    """
    from ci_ops.flows.verify import verify  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import run_flow  # noqa: PLC0415 - kept out of `--help`

    return run_flow(Call.of("verify", options), partial(verify, deployment_id=options["deployment_id"]))
