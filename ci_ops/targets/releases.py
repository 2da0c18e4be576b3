"""Release folders on a host, switched by one atomic rename."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.delivery.step import Command, Wait
from ci_ops.core.fields import Duration, Shell
from ci_ops.core.plugin import Placement, Target

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.plugin import Measurement

STATE_FOLDER = ".ci-ops"
_ID_PATTERN = "^[0-9]{8}T[0-9]{6}Z-[0-9a-z]{7}$"


@dataclass(frozen=True, kw_only=True)
class Releases(Target):
    """`releases/<id>` folders and a `current` link.

    As Capistrano made it known.

    Uses only commands of a POSIX shell. `mv -T` (GNU) or `mv -h` (BSD) renames
    the link itself, which is atomic: at every moment `current` is one whole
    release. Source: POSIX.1-2024 rename(); coreutils manual, mv invocation.
    """

    path: str
    """The folder on the host that holds `releases`, `shared` and `current`."""
    keep: int = 5
    """How many releases stay, beside the live one and those to go back to."""
    fetch: Shell = 'git archive --format=tar "$DEPLOYMENT_REVISION" | tar -x -C "$DEPLOYMENT_RELEASE_DIR"'
    """Fills DEPLOYMENT_RELEASE_DIR; runs in the project's root."""
    shared: tuple[str, ...] = ()
    """Paths that all releases share, kept under `shared` and linked into each."""
    build: Shell = ""
    """Makes the release ready to run; runs in its folder."""
    migrate: Shell = ""
    """Brings the database up to date; runs in the release's folder, never on a rollback."""
    reload: Shell = ""
    """Makes the server take up `current`."""
    health: Shell = ""
    """Exits 0 when the host answers well; asked until `health-deadline`."""
    health_deadline: Duration = 60.0
    """How long the host may take to answer well after the reload."""
    timeout: Duration = 900.0
    """For each command."""

    def __post_init__(self) -> None:
        """Refuse values that no release folder could have."""
        if not self.path.startswith("/"):
            raise ValueError("path: expected an absolute path such as /srv/shop")
        if self.keep < 1:
            raise ValueError("keep: expected at least 1")
        for name in self.shared:
            if name.startswith("/") or ".." in Path(name).parts or not name:
                raise ValueError(f"shared: {name!r} must be a path inside the release")

    def state_directory(self) -> Path:
        """`.ci-ops` beside the releases."""
        return Path(self.path) / STATE_FOLDER

    def release_directory(self, record: DeploymentRecord) -> str:
        """`<path>/releases/<release id>`."""
        return f"{self.path}/releases/{record.release_id}"

    def measure(self) -> Measurement:
        """Read the link `current` and the names of the release folders."""
        current, folder = self._quoted("current"), self._quoted("releases")
        answer = yield Command(
            title="Read which release is live",
            key="measure",
            run=f"if [ ! -d {shlex.quote(self.path)} ]; then echo absent; exit; fi\n"
            f"if [ -e {current} ] && [ ! -L {current} ]; then\n"
            f"  echo {current} is not a link >&2; exit 1\nfi\n"
            f'if [ -d {folder} ]; then ls -1 {folder} || exit; fi\necho "live: $(readlink {current})"',
            changes=False,
        )
        *names, last = answer.output.rstrip("\n").split("\n")
        word, _, link = last.partition(": ")
        if last == "absent":  # another machine, or the first deployment: nothing is known
            return Placement()
        if word != "live":
            raise ValueError(f"the host answered {last[:60]!r}; expected the link `current`")
        return Placement(
            release=link.removeprefix("releases/"),
            is_vacant=not link,
            available=frozenset(name for name in names if re.fullmatch(_ID_PATTERN, name)),
        )

    def deploy_steps(self, record: DeploymentRecord) -> Steps:
        """Fetch, link, build, migrate, switch, reload, look, tidy."""
        live = yield self._read_current()
        release = shlex.quote(self.release_directory(record))
        yield self._marked(
            record,
            "fetch",
            "Put the release into its folder",
            f"rm -rf {release}\nmkdir -p {release}\n{self.fetch}",
            undo=f"rm -rf {release} {self._quoted(STATE_FOLDER)}/{record.id}.*.done",
            prepares=True,
        )
        for key, title, run in (
            ("shared", "Link the shared paths", self._link_shared(release)),
            ("build", "Build the release", self._inside(release, self.build)),
        ):
            if run:
                reason = "goes with the release's folder"
                yield self._marked(record, key, title, run, no_undo=reason, prepares=True)
        if self.migrate:
            run = self._inside(release, self.migrate)
            reason = "a migration is not undone: the previous release runs on the migrated schema"
            yield self._marked(record, "migrate", "Migrate the database", run, no_undo=reason)
        yield from self._activate(record, f"releases/{record.id}", live.line)
        yield self._marked(
            record,
            "prune",
            "Remove old releases",
            self._prune(record, live.line),
            no_undo="releases older than the kept ones are not brought back",
            required=False,
        )

    def rollback_steps(self, record: DeploymentRecord, to: DeploymentRecord) -> Steps:
        """Switch to the folder of `to`, reload, look."""
        live = yield self._read_current()
        folder = self.release_directory(to)
        yield Command(
            title=f"Look for the release of {to.short_revision}",
            key="look",
            run=f"test -d {shlex.quote(folder)} || {{ echo {shlex.quote(folder + ' is gone')} >&2; exit 1; }}",
            changes=False,
        )
        yield from self._activate(record, f"releases/{to.release_id}", live.line)

    def _activate(self, record: DeploymentRecord, link: str, live: str) -> Steps:
        current = self._quoted("current")
        back = self._switch(live) if live else f"rm -f {current}"
        yield Command(
            title="Switch to the release",
            key="switch",
            run=self._switch(link),
            probe=f'test "$(readlink {current})" = {shlex.quote(link)}',
            undo=Command(
                title="Switch back" if live else "Remove the link, as before",
                key="switch-back",
                run=f"set -e\n({back})\n(\n{self.reload}\n)" if self.reload and live else back,
                no_undo="going back is not taken back",
                timeout_seconds=self.timeout,
            ),
        )
        if self.reload:
            reason = "switching back reloads the server"
            yield self._marked(record, "reload", "Reload the server", self.reload, no_undo=reason)
        if self.health:
            yield Wait(
                title="Wait until the host answers well",
                key="health",
                run=self.health,
                deadline_seconds=self.health_deadline,
            )

    def _read_current(self) -> Command:
        current = self._quoted("current")
        return Command(
            title="Look which release is live",
            key="current",
            run=f"if [ -L {current} ]; then readlink {current}; fi",
            changes=False,
        )

    def _switch(self, link: str) -> str:
        new = self._quoted(".current.new")
        current = self._quoted("current")
        rename = f"{{ mv -fT {new} {current} 2>/dev/null || mv -fh {new} {current}; }}"
        return f"ln -sfn {shlex.quote(link)} {new} && {rename}"

    def _marked(
        self,
        record: DeploymentRecord,
        key: str,
        title: str,
        run: str,
        *,
        undo: str = "",
        no_undo: str = "",
        prepares: bool = False,
        required: bool = True,
    ) -> Command:
        """A step that leaves a mark when it is done, so that a killed run can tell.

        The shell around it outlives TERM: a command that ends in an orderly way must get its mark.
        """
        folder = self._quoted(STATE_FOLDER)
        mark = f"{folder}/{record.id}.{key}.done"
        return Command(
            title=title,
            key=key,
            run=f"trap : TERM\nset -e\n(\n{run}\n)\n: > {mark}",
            probe=f"test -e {mark}",
            undo=Command(
                title=f"Take back: {title.lower()}",
                key=f"{key}-back",
                run=undo,
                no_undo="going back is not taken back",
                required=False,
            )
            if undo
            else None,
            no_undo=no_undo,
            timeout_seconds=self.timeout,
            prepares=prepares,
            required=required,
        )

    def _link_shared(self, release: str) -> str:
        shared = self._quoted("shared")
        return "\n".join(
            f"mkdir -p {shared}/{parent} {release}/{parent} && rm -rf {release}/{name}"
            f" && ln -s {shared}/{name} {release}/{name}"
            for name, parent in ((shlex.quote(each), _parent(each)) for each in self.shared)
        )

    def _inside(self, release: str, run: str) -> str:
        return f"cd {release}\n{run}" if run else ""

    def _prune(self, record: DeploymentRecord, live: str) -> str:
        kept = {record.id, record.previous, record.safe, live.removeprefix("releases/")}
        spared = " ".join(f"-e {shlex.quote(each)}" for each in sorted(kept - {""}))
        folder = self._quoted("releases")
        return (
            f"ls -1 {folder} | grep -E '{_ID_PATTERN}' | sort -r | tail -n +{self.keep + 1}"
            f" | {{ grep -vxF {spared} || true; }}"
            f' | while read -r old; do rm -rf {folder}/"$old" {self._quoted(STATE_FOLDER)}/"$old".*.done; done'
        )

    def _quoted(self, name: str) -> str:
        return shlex.quote(f"{self.path}/{name}")


def _parent(name: str) -> str:
    return shlex.quote(str(Path(name).parent))
