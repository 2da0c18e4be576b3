"""Read-only queries of the git repository around a folder.

Nothing is fetched, locked or changed, and no program is started that the
repository's own configuration or the caller's hooks name. git gets its own
variables and the base of every program, but none that names another repository.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.child_environment import GIT, tool_environment
from ci_ops.core.folders import repository_root
from ci_ops.core.ports.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.ports.process import Completed

TIMEOUT_SECONDS = 30.0
_NOT_INSTALLED = 127
_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_PARENT = re.compile(r"^parent ([0-9a-f]{40,64})$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why git refuses a query, and what to do about it."""

    sentence: str
    hint: str
    is_about_owner: bool = False
    """True where the repository is whole, but belongs to another user."""


@dataclass(frozen=True, slots=True)
class Git:
    """The git repository around a folder."""

    folder: Path
    world: World

    def run(self, *arguments: str, max_output: int = 64 * 1024) -> Completed:
        """Run git with English messages. Raises Interrupted when a stop is requested meanwhile."""
        completed = self.world.process.run(
            ["git", *_HARMLESS, *arguments],
            timeout_seconds=TIMEOUT_SECONDS,
            env=self._env(),
            directory=self.folder,
            max_output=max_output,
        )
        if completed.interrupted:
            self.world.stop.check()
        return completed

    def head(self) -> str | Refusal:
        """Return the commit that is checked out, or why it is unknown."""
        completed = self.run("rev-parse", "--verify", "HEAD^{commit}")
        return completed.stdout.strip() if completed.exit_code == 0 else self.refusal(completed)

    def tracks(self, path: Path) -> bool:
        """Return True when something at that path is in the index; False outside a repository."""
        completed = self.run("--literal-pathspecs", "ls-files", "--", str(path), max_output=1024)
        return completed.exit_code == 0 and bool(completed.stdout)

    def commit_at(self, name: str) -> str:
        """Return the commit of a ref or revision; empty for none."""
        completed = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return completed.stdout.strip() if completed.exit_code == 0 else ""

    def remote_url(self, name: str) -> str:
        """Return the URL of a remote; empty for none."""
        completed = self.run("remote", "get-url", name)
        return completed.stdout.strip() if completed.exit_code == 0 else ""

    def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents in the commit object: a shallow clone does not contain them."""
        completed = self.run("cat-file", "commit", commit)
        header = completed.stdout.partition("\n\n")[0]
        return tuple(_PARENT.findall(header)) if completed.exit_code == 0 else ()

    def refusal(self, completed: Completed) -> Refusal:
        """Return the meaning of a failed query."""
        if completed.exit_code == _NOT_INSTALLED:
            return Refusal(
                sentence="git is not installed",
                hint="Install git, or give `--revision` with 40 hexadecimal digits.",
            )
        if "dubious ownership" in completed.output:
            root = repository_root(self.folder) or self.folder
            return Refusal(
                sentence=f"git does not read {root}: the repository belongs to another user than this process",
                hint=f"Run it as the owner, or trust the folder: git config --global --add safe.directory {root}",
                is_about_owner=True,
            )
        if "not a git repository" in completed.output:
            return Refusal(
                sentence=f"no commit is known here: {self.folder} is in no git repository",
                hint="Run it in the project's repository, or give `--revision` with 40 hexadecimal digits.",
            )
        if "Needed a single revision" in completed.output:
            return Refusal(
                sentence="no commit is known here: the repository has no commit yet",
                hint="Commit the project, or give `--revision` with 40 hexadecimal digits.",
            )
        last = completed.output.strip().rpartition("\n")[2] or f"exit code {completed.exit_code}"
        return Refusal(
            sentence=f"git does not say which commit is checked out in {self.folder}: {last}",
            hint="Check it out again, or give `--revision` with 40 hexadecimal digits.",
        )

    def _env(self) -> Mapping[str, str]:
        own = tool_environment(self.world.env, GIT)
        return {**own, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def trusting(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return variables that make git trust another user's repository; empty where it does already.

    For a container job: its workspace belongs to the runner's user, and it has
    another one. Source: git-config, `safe.directory` and GIT_CONFIG_COUNT.
    """
    if not hasattr(os, "geteuid"):
        return {}
    owners = {path.lstat().st_uid for path in (root, root / ".git")}
    if owners == {os.geteuid()}:
        return {}
    given = env.get("GIT_CONFIG_COUNT", "")
    number = int(given) if given.isascii() and given.isdigit() else 0
    return {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": "safe.directory",
        f"GIT_CONFIG_VALUE_{number}": str(root.resolve()),
    }
