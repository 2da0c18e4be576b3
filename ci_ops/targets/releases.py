"""Release folders on a host, switched by one atomic rename."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.steps.command import Command
from ci_ops.core.fields import Duration, Shell
from ci_ops.core.plugin import Placement, StatePlace, Target
from ci_ops.targets._layout import ID_PATTERN, OUTLIVE_TERM, STATE_FOLDER, Layout, path_inside
from ci_ops.targets._serving import health_command, return_to, take_up, wait_for_host

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.plugin import Measurement

REVISION_FILE = "REVISION"
"""Where the application's kit, and Capistrano's tools, read the commit of a release."""


@dataclass(frozen=True, kw_only=True)
class Releases(Target):
    """Release folders and a `current` link on this machine, as in Capistrano.

    "This machine" is the one that runs ci-ops: a self-hosted runner on the host, or a shell there.

    Uses only commands of a POSIX shell. `mv -T` (GNU) or `mv -h` (BSD) renames the link itself,
    which is atomic: at every moment `current` is one whole release. Source: POSIX.1-2024 rename();
    coreutils manual, mv invocation.
    """

    path: str
    """The folder that holds `releases`, `shared` and `current`, such as `/srv/shop`."""
    keep: int = 5
    """How many releases stay, beside the live one and those to return to."""
    fetch: Shell = 'git archive --format=tar "$DEPLOYMENT_REVISION" | tar -x -C "$DEPLOYMENT_RELEASE_DIR"'
    """Fills DEPLOYMENT_RELEASE_DIR; runs in the project's root. A file REVISION with the commit is
    added where the release has none."""
    shared: tuple[str, ...] = ()
    """Paths that all releases share, such as `media`: moved from the first release to `shared`, linked into each.
    A missing folder is made; a missing file (a name with a dot, and no / at its end) is an error."""
    build: Shell = ""
    """Makes the release ready to run, such as `make build`; runs in its folder, in fresh files where it
    was interrupted."""
    check: Shell = ""
    """Imports the release before anything live changes, such as `venv/bin/python -c "import shop.wsgi"`."""
    migrate: Shell = ""
    """Brings the database up to date, such as `python manage.py migrate`; runs in the release's folder,
    never on a rollback."""
    reload: Shell = ""
    """Lets the server take up `current`, such as `systemctl reload shop`; must fail where the server
    does not run."""
    restart: Shell = ""
    """Starts the server anew, such as `systemctl restart shop`: on a rollback where `reload` fails or
    `health` does after it, otherwise where `reload` fails and `health` too. Without `reload`, always."""
    health: Shell = ""
    """Exits 0 when the host answers well, such as `curl -fsS http://127.0.0.1:8000/healthz`; repeated
    until `health-deadline`. Or a URL, which is requested until it answers 2xx; with `reload` and `restart`,
    the host then needs curl or wget."""
    health_deadline: Duration = 60.0
    """How long the host may take to answer well after the reload."""
    logs: Shell = ""
    """Prints the end of the server's log, such as `journalctl -u shop -n 50`: evidence of a failure."""
    timeout: Duration = 900.0
    """For each command."""

    def __post_init__(self) -> None:
        """Refuse values that no release folder can have."""
        if not self.path.startswith("/"):
            raise ValueError("path: expected an absolute path such as /srv/shop")
        if self.keep < 1:
            raise ValueError("keep: expected at least 1")
        try:
            shared = [path_inside(name) for name in self.shared]
        except ValueError as error:
            raise ValueError(f"shared: {error}") from error
        for one, other in combinations(shared, 2):
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise ValueError(f"shared: {str(one)!r} and {str(other)!r} lie in each other")

    @property
    def _at(self) -> Layout:
        return Layout(self.path)

    def state_place(self) -> StatePlace:
        """Return `.ci-ops` beside the releases."""
        return StatePlace(directory=Path(self.path) / STATE_FOLDER)

    def release_directory(self, record: DeploymentRecord) -> str:
        """Return `<path>/releases/<release id>`."""
        return f"{self.path}/releases/{record.release_id}"

    def measure(self) -> Measurement:
        """Read the link `current` and the names of the release folders."""
        current, folder = self._at("current"), self._at("releases")
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
            available=frozenset(name for name in names if re.fullmatch(ID_PATTERN, name)),
        )

    def deploy_steps(self, record: DeploymentRecord) -> Steps:
        """Fetch, link, build, check, migrate, switch, reload, wait for the host, remove old releases."""
        live = yield self._read_current()
        yield from self._prepare(record)
        if self.migrate:
            reason = "a migration is not undone: the previous release runs on the migrated schema"
            yield self._inside(record, "migrate", "Migrate the database", self.migrate, no_undo=reason)
        forward = take_up(self.reload, self.restart, health_command(self.health))
        yield from self._activate(record, f"releases/{record.id}", live.line, forward)
        spare = frozenset(
            {record.id, record.previous, record.safe, live.line.removeprefix("releases/")} - {""}
        )
        yield self._marked(
            record,
            "prune",
            "Remove old releases",
            self._at.prune(keep=self.keep, spare=spare),
            no_undo="removed releases cannot be restored",
            required=False,
        )

    def rollback_steps(self, record: DeploymentRecord, to: DeploymentRecord) -> Steps:
        """Switch to the folder of `to`, reload, wait for the host."""
        live = yield self._read_current()
        folder = self.release_directory(to)
        yield Command(
            title=f"Check that the release of {to.short_revision} is there",
            key="look",
            run=f"test -d {shlex.quote(folder)} || {{ echo {shlex.quote(folder + ' is gone')} >&2; exit 1; }}",
            changes=False,
        )
        yield from self._activate(record, f"releases/{to.release_id}", live.line, self._back)

    @property
    def _back(self) -> str:
        health = health_command(self.health)
        return return_to(self.reload, self.restart, health, deadline_seconds=self.health_deadline)

    def _prepare(self, record: DeploymentRecord) -> Steps:
        """Build the new release completely beside the live one."""
        release, reason = self._at.release(record.id), "goes with the release's folder"
        revision = f"{release}/{REVISION_FILE}"
        yield self._marked(
            record,
            "fetch",
            "Fetch the release",
            f"{OUTLIVE_TERM}\nrm -rf {release}\nmkdir -p {release}\n(\n{self.fetch}\n)\n"
            f"""[ -e {revision} ] || printf '%s\\n' "$DEPLOYMENT_REVISION" > {revision}""",
            shown=self.fetch,
            undo=self._at.remove(record.id),
            prepares=True,
        )
        if self.shared:
            share = self._at.share(record.id, self.shared)
            links = "\n".join(
                f"ln -s {self._at(f'shared/{name}')} {self._at(f'releases/{record.id}/{name}')}"
                for name in (str(path_inside(each)) for each in self.shared)
            )
            yield self._marked(
                record, "shared", "Link the shared paths", share, shown=links, no_undo=reason, prepares=True
            )
        if self.build:
            build = self._at.build(record.id, self.build)
            yield self._inside(
                record, "build", "Build the release", self.build, run=build, no_undo=reason, prepares=True
            )
        if self.check:
            yield Command(
                title="Check the release before the switch",
                key="check",
                run=f"cd {release}\n{self.check}",
                changes=False,
                prepares=True,
                timeout_seconds=self.timeout,
            )

    def _activate(self, record: DeploymentRecord, link: str, live: str, serve: str) -> Steps:
        current = self._at("current")
        back = self._at.switch(live) if live else f"rm -f {current}"
        yield Command(
            title="Switch to the release",
            key="switch",
            run=self._at.switch(link),
            probe=f'test "$(readlink {current})" = {shlex.quote(link)}',
            undo=Command(
                title="Switch back" if live else "Remove the link, as before",
                key="switch-back",
                run=f"{back}\n(\n{self._back}\n)" if self._back and live else back,
                no_undo="a rollback is not undone",
                timeout_seconds=self.timeout,
            ),
        )
        if serve:
            title = "Reload the server" if self.reload else "Restart the server"
            reason = "switching back reloads the server"
            shown = self.reload or self.restart
            yield self._marked(record, "reload", title, serve, shown=shown, no_undo=reason)
        if self.health:
            yield wait_for_host(self.health, deadline_seconds=self.health_deadline)

    def _read_current(self) -> Command:
        current = self._at("current")
        return Command(
            title="Read which release is live",
            key="current",
            run=f"if [ -L {current} ]; then readlink {current}; fi",
            changes=False,
        )

    def _inside(
        self, record: DeploymentRecord, key: str, title: str, command: str, *, run: str = "", **more: Any
    ) -> Command:
        """Return a step in the release's folder."""
        shown = f"cd {self._at.release(record.id)}\n{command}"
        return self._marked(record, key, title, run or shown, shown=shown, **more)

    def _marked(
        self, record: DeploymentRecord, key: str, title: str, run: str, *, undo: str = "", **more: Any
    ) -> Command:
        """Return a step that leaves a marker file, by which a later run recognises it as done."""
        mark = self._at.mark(record.id, key)
        back = Command(
            title="Remove the release",
            key=f"{key}-back",
            run=undo,
            no_undo="a rollback is not undone",
            required=False,
        )
        return Command(
            title=title,
            key=key,
            run=f"{OUTLIVE_TERM}\nset -e\n(\n{run}\n)\n: > {mark}",
            probe=f"test -e {mark}",
            undo=back if undo else None,
            timeout_seconds=self.timeout,
            **{"shown": run, **more},
        )
