"""Deploy, verify, and roll back a release that does not verify."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from ci_ops.cli._options import DURATION, dry_run_option, shared_options


@click.command("deploy")
@click.option("--run", default="", help="Shell command that makes DEPLOYMENT_REVISION live.")
@click.option("--undo", default="", help="Shell command that undoes `run`; must be safe to run twice.")
@click.option("--url", default="", help="URL of the service to verify.")
@click.option("--revision", default="", help="Commit to deploy, 40 hexadecimal digits; default: HEAD.")
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Verify in the same transaction (default), or leave it to a later step.",
)
@click.option("--force/--no-force", default=False, help="Deploy even if this revision is live and verified.")
@click.option(
    "--type", default="standard", help="Label of the deployment, one lower-case word; default: standard."
)
@click.option("--version", default="", help="Version to show in the record and the messages.")
@click.option(
    "--deadline",
    type=DURATION,
    default=None,
    help="Maximum time to wait for the service to pass, e.g. 2m (default).",
)
@click.option(
    "--finish/--no-finish",
    default=False,
    help="Only close the deployments that a lost runner of this run left open.",
)
@click.option("--token", default="", help="GitHub token to record the deployment and its statuses with.")
@dry_run_option
@shared_options
def command(**options: Any) -> int:
    """Deploy, verify, and roll back a release that does not verify."""
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
