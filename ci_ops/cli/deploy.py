"""Deploy, verify and, where that is not good, go back: one transaction."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import DURATION, dry_run_option, shared_options


@click.command("deploy")
@click.option("--run", default="", help="Command that brings DEPLOYMENT_REVISION live.")
@click.option("--undo", default="", help="Command that takes `run` back; safe to run twice.")
@click.option("--url", default="", help="Address of the service, to verify it with.")
@click.option("--revision", default="", help="Commit to deploy, 40 hexadecimal digits; HEAD if absent.")
@click.option("--verify/--no-verify", default=None, help="Verify in the same transaction.")
@click.option("--force/--no-force", default=False, help="Deploy although this revision is live and verified.")
@click.option("--type", default="standard", help="A label for the record: a lower-case word.")
@click.option("--version", default="", help="A version for the record and the messages.")
@click.option("--deadline", type=DURATION, default=None, help="For the service to become good, such as 2m.")
@click.option(
    "--finish/--no-finish", default=False, help="Only close what a dead runner of this run left open."
)
@click.option("--token", default="", help="GitHub token for the deployment and its statuses.")
@dry_run_option
@shared_options
def command(**options: Any) -> int:
    """Deploy, verify and, where that is not good, go back: one transaction."""
    from ci_ops.flows.deploy import DeployOptions, deploy  # noqa: PLC0415 - the same
    from ci_ops.flows.finish import finish  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.open import run_flow  # noqa: PLC0415 - kept out of `--help`

    if options["finish"]:
        return run_flow(Call.of("finish", options), finish)
    wanted = DeployOptions(
        verify=options.pop("verify"),
        force=options["force"],
        type=options["type"],
        version=options["version"],
    )
    return run_flow(Call.of("deploy", options), partial(deploy, options=wanted))
