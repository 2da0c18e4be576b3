"""What the test module of a target shows as its `EXAMPLE`, and a scratch place in which it really runs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import Executor
from ci_ops.core.delivery.journal import Journal, open_journal
from ci_ops.core.delivery.journal_file import SUFFIX
from ci_ops.edge.store import LocalStore
from ci_ops.flows._placement import measure_placement
from ci_ops.flows._run import step_environment
from tests.support.deployments import a_record, a_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.execute import Execution
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.plugin import Target
    from ci_ops.core.ports.lines import Lines


@dataclass(frozen=True, kw_only=True)
class TargetExample:
    """A target that deploys to a scratch folder, as a user would configure it."""

    make: Callable[[Path], Target]
    """From the folder that stands for the host."""
    serving: Callable[[Path], str]
    """Return the revision that the host in this folder serves, read without the target; empty for none."""
    prepare: Callable[[Path], None] = lambda _: None
    """Set up what the host has before the first deployment."""
    remains: tuple[str, ...] = ()
    """Patterns of the files below the folder that stay when every step was undone, and do no harm."""


def content(path: Path) -> str:
    """Return a file's text without the line end; empty where there is no such file."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


class Killed(BaseException):
    """The run was killed at a line of its journal; nothing of ours catches it."""


@dataclass
class DeadlyLines:
    """A journal that kills the run before it writes a line, or after."""

    lines: Lines
    left: int
    """Lines that may still be written."""
    is_written: bool
    """True where the last one is written before the run is killed."""

    def read(self) -> tuple[str, ...]:
        """As the inner one."""
        return self.lines.read()

    def append(self, line: str) -> None:
        """Write the line, or raise Killed."""
        if self.left > 0:
            self.lines.append(line)
            self.left -= 1
        elif self.is_written:
            self.lines.append(line)
            raise Killed
        else:
            raise Killed


class Scratch:
    """A host, a repository with two commits, and deployments of them as separate runs make them."""

    def __init__(self, folder: Path, example: TargetExample) -> None:
        self.example = example
        self.folder, self.host, self.project = folder, folder / "place" / "host", folder / "project"
        self.host.mkdir(parents=True)
        example.prepare(self.host)
        self.target = example.make(self.host)
        beside = self.target.state_place()
        self.store = LocalStore(beside.directory if beside else folder / "place" / "state")
        self.world = a_world()
        self.old, self.new = two_commits(self.project)
        self._runs = 0

    def record(
        self, revision: str, *, over: DeploymentRecord | None = None, **more: object
    ) -> DeploymentRecord:
        """Return the record of a deployment that is later than every other."""
        self._runs += 1
        hours, seconds = divmod(self._runs, 3600)
        return a_record(
            id=f"20261122T{hours:02d}{seconds // 60:02d}{seconds % 60:02d}Z-{revision[:7]}",
            revision=revision,
            previous=over.id if over else "",
            previous_revision=over.revision if over else "",
            **more,
        )

    def back(self, left: DeploymentRecord, to: DeploymentRecord) -> DeploymentRecord:
        """Return the record of a rollback."""
        return self.record(to.revision, over=left, kind="rollback", release=to.id)

    def journal(
        self, record: DeploymentRecord, *, lines: int | None = None, is_written: bool = False
    ) -> Journal:
        """Return the journal as a new run finds it; with `lines`, one that kills the run after so many more."""
        journal = open_journal(self.store, self.world.clock, record.id)
        if journal.record is None:
            journal.begin(record, owner="")
        if lines is not None:
            inner = self.store.lines(record.id + SUFFIX)
            deadly = DeadlyLines(inner, lines, is_written)
            journal = Journal(deadly, self.world.clock, deployment=record.id)
        return journal

    def executor(self, record: DeploymentRecord, journal: Journal | None = None) -> Executor:
        """Return the executor of a new run."""
        return Executor(
            world=self.world,
            journal=journal or self.journal(record),
            root=self.project,
            env=step_environment(record, self.target),
            guard=lambda: None,
            before_change=lambda: None,
        )

    def deploy(self, record: DeploymentRecord, journal: Journal | None = None) -> Execution:
        """Begin the deployment, or resume it."""
        return self.executor(record, journal).run(self.target.deploy_steps(record))

    def roll_back(
        self, record: DeploymentRecord, to: DeploymentRecord, journal: Journal | None = None
    ) -> Execution:
        """Begin the rollback, or resume it."""
        steps = self.target.rollback_steps(record, to)
        return self.executor(record, journal).run(steps, scope="rollback")

    def save(self, name: str) -> None:
        """Keep the host and the journals as they are now."""
        shutil.copytree(self.folder / "place", self.folder / name, symlinks=True)

    def restore(self, name: str) -> None:
        """Put back what was saved under that name."""
        shutil.rmtree(self.folder / "place")
        shutil.copytree(self.folder / name, self.folder / "place", symlinks=True)

    def serving(self) -> str:
        """Return the revision that the host serves; where the target measures it, it has to agree."""
        revision = self.example.serving(self.host)
        placement = measure_placement(self.target, self.world, root=self.project, env={})
        if placement is not None and placement.is_known:
            assert placement.is_vacant is not bool(revision), placement
            assert placement.revision in {"", revision}, placement
            assert not placement.release or placement.release[-7:] == revision[:7], placement
        return revision

    def files(self) -> dict[str, str]:
        """Return every file and link of the host with its content, without what may remain and journals."""
        paths = (path for path in sorted(self.host.rglob("*")) if path.is_symlink() or path.is_file())
        names = {str(path.relative_to(self.host)): path for path in paths}
        return {
            name: f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes().hex()
            for name, path in names.items()
            if not name.endswith(SUFFIX) and not any(fnmatch(name, each) for each in self.example.remains)
        }


def two_commits(folder: Path) -> tuple[str, str]:
    """Make a repository of two commits, and return both."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    folder.mkdir()
    git("init", "-q")
    found = []
    for number in (1, 2):
        (folder / "app.py").write_text(f"NUMBER = {number}\n")
        git("add", "app.py")
        git("commit", "-qm", f"Change {number}")
        found.append(git("rev-parse", "HEAD"))
    return found[0], found[1]
