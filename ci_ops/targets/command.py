"""Deploy and roll back with commands of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import is_deployment_id, is_revision
from ci_ops.core.delivery.steps.command import Command as CommandStep
from ci_ops.core.errors import UsageError
from ci_ops.core.fields import Duration, Shell
from ci_ops.core.plugin import Placement, Target

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.plugin import Measurement

RUN_AGAIN = "false"
"""The probe of a command that is safe to run twice: it never says that it happened."""


@dataclass(frozen=True, kw_only=True)
class Command(Target):
    """Deployment by any command line.

    The commands get DEPLOYMENT_ID, DEPLOYMENT_ENVIRONMENT, DEPLOYMENT_REVISION
    and DEPLOYMENT_PREVIOUS_REVISION.
    """

    run: Shell
    """Brings DEPLOYMENT_REVISION live and returns when it serves, such as `./deploy.sh`."""
    undo: Shell = ""
    """Takes `run` back, such as `./undeploy.sh`, also one that stopped half-way; must be safe to run twice."""
    rollback: Shell = ""
    """Brings DEPLOYMENT_REVISION, an earlier one, live again, such as `./deploy.sh`; must be safe to run twice.
    When empty, `undo` is used."""
    probe: Shell = ""
    """Exits 0 when `run` has happened and 1 when not, for a run that was killed, such as `./is_deployed.sh`."""
    live: Shell = ""
    """Prints what is live, such as `cat /srv/shop/REVISION`: a commit (40 hexadecimal digits), a
    deployment id, or nothing where nothing is live."""
    logs: Shell = ""
    """Prints the end of the server's log, such as `journalctl -u shop -n 50`: evidence of a failure."""
    timeout: Duration = 900.0
    """For each of the commands."""

    def measure(self) -> Measurement | None:
        """Run the command `live`, if one is configured."""
        return self._measure() if self.live else None

    def _measure(self) -> Measurement:
        answer = yield CommandStep(
            title="Read which release is live",
            key="measure",
            run=self.live,
            changes=False,
            timeout_seconds=self.timeout,
        )
        if is_deployment_id(answer.line):
            return Placement(release=answer.line)
        if is_revision(answer.line):
            return Placement(revision=answer.line)
        if answer.line:
            raise ValueError(
                f"`live` printed {answer.line[:60]!r}; expected a full commit or a deployment id"
            )
        return Placement(is_vacant=True)

    def deploy_steps(self, record: DeploymentRecord) -> Steps:
        """Run the command; its undo is the configured one."""
        del record
        undo = self._step("undo", "Undo the deployment", self.undo) if self.undo else None
        yield CommandStep(
            title="Run the deployment command",
            key="run",
            run=self.run,
            undo=undo,
            no_undo="" if undo else "no `undo` command is configured",
            probe=self.probe,
            timeout_seconds=self.timeout,
        )

    def rollback_steps(self, record: DeploymentRecord, to: DeploymentRecord) -> Steps:
        """Run the rollback command; without one, the undo of the current release."""
        title = f"Bring {to.short_revision} back"
        if self.rollback:
            yield self._step("rollback", title, self.rollback)
            return
        if not self.undo:
            raise UsageError(
                "there is no command that rolls back",
                where="deploy.target",
                hint="Give the target `rollback` (or `undo`): a command that brings DEPLOYMENT_REVISION live.",
            )
        undone = f"export DEPLOYMENT_REVISION={record.previous_revision} DEPLOYMENT_PREVIOUS_REVISION={to.revision}"
        yield self._step("rollback", title, f"{undone}\n{self.undo}", shown=self.undo)

    def _step(self, key: str, title: str, run: str, *, shown: str = "") -> CommandStep:
        return CommandStep(
            title=title,
            key=key,
            run=run,
            shown=shown,
            no_undo="a rollback is not undone",
            probe=RUN_AGAIN,
            timeout_seconds=self.timeout,
        )
