"""Look at what is live, and say so only when it was measured."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import DURATION, fail_on_option, shared_options


@click.command("verify")
@click.option("--url", default="", help="Address of the service; a path in it names the health endpoint.")
@click.option("--revision", default="", help="Commit that should be live, 40 hexadecimal digits.")
@click.option("--deployment-id", default="", help="Deployment whose verdict this is, as `deploy` put it out.")
@click.option("--deadline", type=DURATION, default=None, help="For the service to become good, such as 2m.")
@click.option(
    "--on-error",
    type=click.Choice(["rollback", "hold"]),
    default=None,
    help="What becomes of a release that could not be looked at.",
)
@click.option("--token", default="", help="GitHub token for the deployment's status.")
@fail_on_option
@shared_options
def command(**options: Any) -> int:
    """Look at what is live, and say so only when it was measured.

    Never changes the service.
    """
    from ci_ops.flows.verify import verify  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import run_flow  # noqa: PLC0415 - kept out of `--help`

    return run_flow(Call.of("verify", options), partial(verify, deployment_id=options["deployment_id"]))
