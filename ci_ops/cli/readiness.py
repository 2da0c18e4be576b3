"""Check the project before anything is deployed."""

from __future__ import annotations

from typing import Any

import click

from ci_ops.cli._options import DURATION, fail_on_option, shared_options


@click.command("readiness")
@click.option("--revision", default="", help="Commit to be deployed; default: HEAD.")
@click.option("--url", default="", help="URL of the service, for checks that request it.")
@click.option(
    "--deadline",
    type=DURATION,
    default=None,
    help="Maximum time to repeat checks that may still pass, e.g. 2m (default).",
)
@click.option(
    "--status-context", default="", help="Name of the commit status to set on the pull request's head."
)
@click.option("--token", default="", help="GitHub token to set the commit status with.")
@fail_on_option
@shared_options
def command(**options: Any) -> int:
    """Check the project before anything is deployed.

    Without a configuration file the checks that fit the project are run; a
    project that fits none is an error, never a pass.
    """
    from ci_ops.flows.readiness import readiness  # noqa: PLC0415 - the same
    from ci_ops.session.call import Call  # noqa: PLC0415 - the same
    from ci_ops.session.close import close  # noqa: PLC0415 - kept out of `--help`
    from ci_ops.session.commit_status import show_commit_status  # noqa: PLC0415 - the same
    from ci_ops.session.open import opened_session  # noqa: PLC0415 - the same

    with opened_session(Call.of("readiness", options)) as session:
        show_commit_status(session, options["status_context"], None)
        report = readiness(session.job)
        show_commit_status(session, options["status_context"], report)
        return close(session, report)
