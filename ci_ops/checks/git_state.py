"""Whether the checkout matches what others can get from the repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.folders import repository_root
from ci_ops.core.git import Git, Refusal
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location
from ci_ops.core.text.lines import as_sentence

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_OUTPUT_BYTES = 256 * 1024
MAX_LISTED_FILES = 5
OWN_FOLDER = ".ci-ops"
"""Our own records; they may lie in the project and are no change to it."""


@dataclass(frozen=True, kw_only=True)
class GitState(Check):
    """The checkout is clean, and its commit is in a remote repository."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "unavailable": Rule(
            sentence="Git cannot read this folder.",
            advice="Install git and check the repository out here (actions/checkout).",
        ),
        "changed": Rule(
            sentence="Files differ from the commit.",
            advice="Commit them, or discard them with `git restore`: no other checkout has this state.",
        ),
        "untracked": Rule(
            sentence="Files are in no commit.",
            advice="Commit them, or name them in .gitignore.",
        ),
        "not-pushed": Rule(
            sentence="The commit is in no remote repository.",
            advice="Push it: only what others can get can be deployed again.",
        ),
        "submodule": Rule(
            sentence="A submodule is not checked out.",
            advice="Check it out with `git submodule update --init`, in a workflow with `submodules: true` "
            "of actions/checkout.",
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
    submodules: Literal["fail", "warn", "ignore"] = "warn"
    """What to say of submodules that are not checked out."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a git checkout and to the folders in it."""
        return cls() if repository_root(root) else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Query git, without a network and without changing anything."""
        checkout = _Checkout(Git(subject.root, world), subject.published)
        commit = checkout.git.head()
        if isinstance(commit, Refusal):
            fault = Fault(
                rule="unavailable",
                severity=Status.ERROR,
                sentence=as_sentence(f"{commit.sentence[0].upper()}{commit.sentence[1:]}"),
                advice=commit.hint,
            )
            yield conclude(self, [fault], sentence="", measured=0)
            return
        faults = [
            *(self._cleanness(checkout) if self.clean else []),
            *(self._pushed(checkout, commit) if self.pushed else []),
        ]
        if all(each.rule != "unavailable" for each in faults):
            faults += self._submodules(checkout)
        words = [*(["clean"] if self.clean else []), *(["pushed"] if self.pushed else [])]
        sentence = f"{commit[:7]} is {' and '.join(words) or 'checked out'}."
        yield conclude(self, faults, sentence=sentence, measured=1 + len(words), facts={"commit": commit})

    def _cleanness(self, checkout: _Checkout) -> Iterator[Fault]:
        status = checkout.run(
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--ignore-submodules=none",
            "--",
            ".",
            f":(exclude){OWN_FOLDER}",
        )
        if status.exit_code != 0:
            yield checkout.fault(status)
            return
        lines = status.stdout.splitlines()
        world = checkout.git.world
        changed = checkout.below([line[3:] for line in lines if not line.startswith("??")])
        untracked = checkout.below([line[3:] for line in lines if line.startswith("??")])
        if changed:
            yield _files_fault("changed", Status.FAIL, changed, "differ from the commit", world)
        if untracked and self.untracked != "ignore":
            yield _files_fault("untracked", Status(self.untracked), untracked, "are in no commit", world)

    def _pushed(self, checkout: _Checkout, commit: str) -> Iterator[Fault]:
        remotes = checkout.run("remote")
        if remotes.exit_code != 0:
            yield checkout.fault(remotes)
        elif not remotes.stdout.strip():
            yield Fault(rule="no-remote", severity=Status.WARN, sentence="")
        elif not checkout.is_in_remote(commit):
            yield Fault(
                rule="not-pushed",
                severity=Status.FAIL,
                sentence="",
                expected="a remote branch that contains the commit",
                observed="none that is known here",
            )

    def _submodules(self, checkout: _Checkout) -> Iterator[Fault]:
        """Return the submodules that are not checked out: a deployment from here lacks their files."""
        listed = checkout.run("submodule", "status", "--recursive")  # git-submodule(1): state, commit, path
        if listed.exit_code != 0:
            yield checkout.fault(listed)
            return
        for line in listed.stdout.splitlines():
            state, (commit, _, rest) = line[:1], line[1:].partition(" ")
            path = rest.partition(" (")[0]
            name = evidence(checkout.git.world, path, 200)
            if state == "-" and self.submodules != "ignore":
                severity, sentence = Status(self.submodules), f"The submodule {name} is not checked out."
                yield Fault(rule="submodule", severity=severity, sentence=sentence, subject=name)
            elif state != "-" and self.pushed and not checkout.at(path).is_in_remote(commit):
                sentence = f"The commit of the submodule {name} is in no remote repository."
                yield Fault(rule="not-pushed", severity=Status.FAIL, sentence=sentence, subject=name)


@dataclass(frozen=True, slots=True)
class _Checkout:
    """Queries of the repository around the project."""

    git: Git
    published: frozenset[str]

    def at(self, path: str) -> _Checkout:
        """Return the queries for a submodule."""
        return _Checkout(Git(self.git.folder / path, self.git.world), self.published)

    def run(self, *arguments: str) -> Completed:
        return self.git.run(*arguments, max_output=MAX_OUTPUT_BYTES)

    def fault(self, completed: Completed) -> Fault:
        """Return the fault for a failure of git itself."""
        output = evidence(self.git.world, completed.output)
        return Fault(rule="unavailable", severity=Status.ERROR, sentence="", observed=output)

    def below(self, names: list[str]) -> list[str]:
        """Return the names relative to the project instead of the repository's root."""
        prefix = self.run("rev-parse", "--show-prefix").stdout.strip()
        return [" -> ".join(part.removeprefix(prefix) for part in name.split(" -> ")) for name in names]

    def is_in_remote(self, commit: str) -> bool:
        """Return True when a remote has the commit, as far as is known offline.

        The event that started the run names commits that GitHub has. Otherwise the commit is in a
        remote branch, was fetched directly, or is the boundary of a shallow clone: a local commit
        never is.
        """
        if commit in self.published:
            return True
        refs = self.run(
            "for-each-ref", "--contains", commit, "--count=1", "--format=%(refname)", "refs/remotes"
        )
        if refs.exit_code == 0 and refs.stdout.strip():
            return True
        return commit in self._listed("FETCH_HEAD") or commit in self._listed("shallow")

    def _listed(self, name: str) -> list[str]:
        """Return the first word of each line of one of git's own files; none if it is unreadable."""
        path = self.run("rev-parse", "--git-path", name).stdout.strip()
        try:
            lines = (self.git.folder / path).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line.split()[0] for line in lines if line.strip() and not line.endswith((" of .", "\t."))]


def _files_fault(rule: str, severity: Status, files: list[str], what: str, world: World) -> Fault:
    names = ", ".join(files[:MAX_LISTED_FILES])
    more = f" and {len(files) - MAX_LISTED_FILES} more" if len(files) > MAX_LISTED_FILES else ""
    return Fault(
        rule=rule,
        severity=severity,
        sentence=f"{len(files)} file{'s' if len(files) > 1 else ''} {what}."
        if len(files) > 1
        else f"One file {what.replace('differ', 'differs').replace('are', 'is')}.",
        observed=evidence(world, names) + more,
        location=_first_place(files, world),
    )


def _first_place(files: list[str], world: World) -> Location | None:
    """Return the first file: git lists an untracked folder as one entry, but an annotation needs a file."""
    names = (each.strip('"').rpartition(" -> ")[2] for each in files)
    name = next((each for each in names if not each.endswith("/")), "")
    return Location(file=evidence(world, name, 200)) if name else None
