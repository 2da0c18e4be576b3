"""Whether what lies here is what others can get from the repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.ports import World
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from ci_ops.core.ports import Completed, Subject
    from ci_ops.core.result import Result

TIMEOUT_SECONDS = 30.0
MOST_OUTPUT_BYTES = 256 * 1024
MOST_FILES_TOLD = 5
OWN_FOLDER = ".ci-ops"
"""Our own records; they may lie in the project and are no change to it."""


@dataclass(frozen=True, kw_only=True)
class GitState(Check):
    """The checkout is clean, and its commit is in a remote repository."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "unavailable": Rule(
            sentence="Git cannot say anything about this folder.",
            advice="Install git and check the repository out here (actions/checkout). Where git speaks of dubious "
            "ownership: git config --global --add safe.directory PATH",
        ),
        "changed": Rule(
            sentence="Files differ from the commit.",
            advice="Commit them, or take them back with `git restore`: nobody else has this state.",
        ),
        "untracked": Rule(
            sentence="Files are in no commit.",
            advice="Commit them, or name them in .gitignore.",
        ),
        "not-pushed": Rule(
            sentence="The commit is in no remote repository.",
            advice="Push it: only what others can get can be deployed again.",
        ),
        "no-remote": Rule(
            sentence="The repository has no remote.",
            advice="Add one and push, or set `pushed: false`.",
        ),
    }

    clean: bool = True
    """Look for files that differ from the commit."""
    untracked: Literal["fail", "warn", "ignore"] = "warn"
    """What to say of files that are neither committed nor ignored."""
    pushed: bool = True
    """Look whether a remote repository has the commit, as far as is known here."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies in a git checkout."""
        return cls() if (root / ".git").exists() else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Ask git, without a network and without changing anything."""
        git = _Git(subject.root, world)
        head = git.run("rev-parse", "--verify", "HEAD")
        if head.exit_code != 0:
            said = evidence(world, head.output)
            fault = Fault(rule="unavailable", severity=Status.ERROR, sentence="", observed=said)
            yield conclude(self, [fault], sentence="", measured=0)
            return
        commit = head.stdout.strip()
        faults = [*(self._cleanness(git) if self.clean else []), *(self._pushed(git) if self.pushed else [])]
        words = [*(["clean"] if self.clean else []), *(["pushed"] if self.pushed else [])]
        sentence = f"{commit[:7]} is {' and '.join(words) or 'checked out'}."
        yield conclude(self, faults, sentence=sentence, measured=1 + len(words), facts={"commit": commit})

    def _cleanness(self, git: _Git) -> Iterator[Fault]:
        status = git.run(
            "status", "--porcelain", "--untracked-files=normal", "--", ".", f":(exclude){OWN_FOLDER}"
        )
        if status.exit_code != 0:
            yield git.fault(status)
            return
        lines = status.stdout.splitlines()
        changed = [line[3:] for line in lines if not line.startswith("??")]
        untracked = [line[3:] for line in lines if line.startswith("??")]
        if changed:
            yield _files_fault("changed", Status.FAIL, changed, "differ from the commit", git.world)
        if untracked and self.untracked != "ignore":
            yield _files_fault("untracked", Status(self.untracked), untracked, "are in no commit", git.world)

    def _pushed(self, git: _Git) -> Iterator[Fault]:
        remotes = git.run("remote")
        if remotes.exit_code != 0:
            yield git.fault(remotes)
        elif not remotes.stdout.strip():
            yield Fault(rule="no-remote", severity=Status.WARN, sentence="")
        elif not git.is_in_remote():
            yield Fault(
                rule="not-pushed",
                severity=Status.FAIL,
                sentence="",
                expected="a remote branch that contains the commit",
                observed="none that is known here",
            )


@dataclass(frozen=True, slots=True)
class _Git:
    """Questions to git, in English and without taking its locks."""

    root: Path
    world: World

    def run(self, *arguments: str) -> Completed:
        env = {**self.world.env, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
        completed = self.world.process.run(
            ["git", *arguments],
            timeout_seconds=TIMEOUT_SECONDS,
            env=env,
            directory=self.root,
            max_output=MOST_OUTPUT_BYTES,
        )
        if completed.interrupted:
            self.world.stop.check()
        return completed

    def fault(self, completed: Completed) -> Fault:
        """What went wrong when git itself failed."""
        said = evidence(self.world, completed.output)
        return Fault(rule="unavailable", severity=Status.ERROR, sentence="", observed=said)

    def is_in_remote(self) -> bool:
        """True when a remote branch has the commit, or the commit can only have come from a remote.

        A shallow clone of a tag knows no remote branch; its first commit is
        listed as cut off, and nothing that was made here ever is.
        """
        refs = self.run(
            "for-each-ref", "--contains", "HEAD", "--count=1", "--format=%(refname)", "refs/remotes"
        )
        if refs.exit_code == 0 and refs.stdout.strip():
            return True
        commit, shallow = self.run("rev-parse", "HEAD"), self.run("rev-parse", "--git-path", "shallow")
        try:
            cut_off = (self.root / shallow.stdout.strip()).read_text("ascii").split()
        except (OSError, ValueError):
            return False
        return commit.stdout.strip() in cut_off


def _files_fault(rule: str, severity: Status, files: list[str], what: str, world: World) -> Fault:
    told = ", ".join(files[:MOST_FILES_TOLD])
    more = f" and {len(files) - MOST_FILES_TOLD} more" if len(files) > MOST_FILES_TOLD else ""
    return Fault(
        rule=rule,
        severity=severity,
        sentence=f"{len(files)} file{'s' if len(files) > 1 else ''} {what}."
        if len(files) > 1
        else f"One file {what.replace('differ', 'differs').replace('are', 'is')}.",
        observed=evidence(world, told) + more,
        location=_first_place(files, world),
    )


def _first_place(files: list[str], world: World) -> Location | None:
    """The first that is a file; git names an untracked folder as a whole, and an annotation needs a file."""
    names = (each.strip('"').rpartition(" -> ")[2] for each in files)
    name = next((each for each in names if not each.endswith("/")), "")
    return Location(file=evidence(world, name, 200)) if name else None
