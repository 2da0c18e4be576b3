"""A place with a `releases` target, and deployments to it as separate runs would make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import Execution, Executor
from ci_ops.core.delivery.journal import open_journal
from ci_ops.edge.store import LocalStore
from ci_ops.flows._run import step_environment
from ci_ops.targets.releases import Releases
from tests.support.deployments import a_record, a_world

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.delivery.record import DeploymentRecord


class Host:
    """A host, its project and its target."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self.path = folder / "srv"
        self.path.mkdir()
        fetch = 'echo "$DEPLOYMENT_REVISION" > "$DEPLOYMENT_RELEASE_DIR/revision"'
        values: dict[str, object] = {"path": str(self.path), "fetch": fetch, "timeout": 60.0, **settings}
        self.target = Releases(**values)  # type: ignore[arg-type]
        self.world = a_world()

    def executor(self, record: DeploymentRecord) -> Executor:
        """The executor of a new run."""
        journal = open_journal(LocalStore(self.target.state_place().directory), self.world.clock, record.id)
        if journal.record is None:
            journal.begin(record, owner="")
        return Executor(
            world=self.world,
            journal=journal,
            root=self.project,
            env=step_environment(record, self.target),
            guard=lambda: None,
            before_change=lambda: None,
        )

    def run(self, record: DeploymentRecord) -> Execution:
        """Deploy, however that ends."""
        return self.executor(record).run(self.target.deploy_steps(record))

    def deploy(self, number: int, **more: object) -> DeploymentRecord:
        """Deploy a good release."""
        record = numbered(number, **more)
        execution = self.run(record)
        assert execution.failed is None, execution.failed
        return record

    @property
    def live(self) -> str:
        """The revision behind the link."""
        return (self.path / "current" / "revision").read_text().strip()

    @property
    def releases(self) -> list[str]:
        """The folders of the releases."""
        return sorted(path.name for path in (self.path / "releases").iterdir())


def numbered(number: int, **more: object) -> DeploymentRecord:
    """The record of that deployment."""
    values: dict[str, object] = {
        "id": f"20261122T0800{number:02d}Z-{number:07d}",
        "revision": f"{number:040d}",
        "previous": "",
        "previous_revision": "",
        **more,
    }
    return a_record(**values)
