"""The model: which release may be live after each command, and which exit codes are allowed.

It is written from the promises of ci-ops, not from its code: it knows the commands and the state of the
world, but no journals, steps or flows. Where a promise allows several outcomes, the model allows each:

* After an interrupted run, the next one may resume, undo or supersede it; it may never activate a
  release that a rollback was leaving.
* A commit may be left by an undo, which writes no record of a rollback: then an earlier deployment of the
  same commit may, or may not, be a target.
* A rollback from a release that was deployed with `--no-verify` may undo that deployment, or target the
  newest verified release before it.
* A release that the server never loaded while it was not verified leaves link and service at odds: then a
  rollback may start from either.

The decisions behind them are in docs/decisions/transaction.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.model.episode import Episode
from tests.model.truth import Truth


@dataclass
class Release:
    """A deployed revision."""

    id: str
    revision: str
    before: str
    """Id of the release that was live before it."""
    is_verified: bool | None = False
    """None where the promises leave it open."""
    was_left: bool | None = False
    """True since a rollback left it; None where that may not be recorded."""
    is_commit_left: bool | None = False
    """True since a recorded rollback left it: every earlier deployment of its commit is left with it."""
    is_regained: bool | None = False
    """True since a rollback to it was proven; None where that may not be recorded."""

    def copy(self) -> Release:
        """Return a copy for another model."""
        return replace(self)


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """A run that was interrupted, or that could not undo its changes."""

    command: str
    revision: str
    live: str
    """Id of the release that was live when it began."""
    truth: tuple[str, str]
    """Link and served revision at that moment."""
    targets: frozenset[str] = frozenset()
    """Ids of the releases that a rollback was allowed to target."""
    is_reported: bool = False
    """True when it was killed after its whole report was written: it had finished its work."""


@dataclass
class Model:
    """Expected state of one service in one environment."""

    has_folders: bool
    releases: dict[str, Release] = field(default_factory=dict)
    """Releases by id, oldest first."""
    live: str = ""
    interruption: Interruption | None = None
    is_behind: bool = False
    """True where a run could not write the ledger: the next run that takes the lock completes it from the journals."""
    is_damaged: bool = False
    """True once a line of the ledger is damaged."""

    @property
    def current(self) -> Release | None:
        """The live release; None where there is none."""
        return self.releases.get(self.live)

    @property
    def known_good(self) -> frozenset[str]:
        """Ids of the releases that are verified, or may be."""
        return frozenset(each.id for each in self.releases.values() if each.is_verified is not False)

    def is_consistent(self, truth: Truth) -> bool:
        """Return True when the host and the service agree on what is live."""
        current = self.current
        return truth.condition.revision == (current.revision if current else "")

    def rollback_target(self, truth: Truth, start: str | None = None) -> frozenset[str]:
        """Return the allowed targets of a rollback: the newest verified release before the live one."""
        current = self.releases.get(self.live if start is None else start)
        if current is None:
            return frozenset()
        found: set[str] = set()
        for release in reversed(self.releases.values()):
            if release.id >= current.id or release.was_left or release.revision == current.revision:
                continue
            if self.is_left_with_its_commit(release):
                continue
            if release.is_verified is False or (self.has_folders and release.id not in truth.folders):
                continue
            found.add(release.id)
            if self.is_sure(release):
                break
        return frozenset(found)

    def is_left_with_its_commit(self, release: Release) -> bool:
        """Return True where a rollback left a later deployment of its commit, and none activated it since."""
        later = (each for each in self.releases.values() if each.id > release.id)
        is_left = any(each.is_commit_left and each.revision == release.revision for each in later)
        return is_left and release.is_regained is False

    def is_sure(self, release: Release) -> bool:
        """Return True when every record agrees that the release is a rollback target."""
        was_left_since = any(
            each.was_left and each.revision == release.revision and each.id > release.id
            for each in self.releases.values()
        )
        return release.is_verified is True and release.was_left is False and not was_left_since

    def must_have_target(self, truth: Truth) -> bool:
        """Return False where a refusal is allowed too: no release is surely a target."""
        return any(self.is_sure(self.releases[each]) for each in self.rollback_target(truth))

    def named(self, name: str) -> list[Release]:
        """Return the releases that `--to NAME` may mean."""
        return [each for each in self.releases.values() if name == each.id or each.revision.startswith(name)]

    def damage(self) -> None:
        """Forget which releases are surely verified: a line of the ledger cannot be read any more."""
        self.is_damaged = True
        for release in self.releases.values():
            if release.is_verified:
                release.is_verified = None

    def learn(self, episode: Episode) -> None:
        """Add new releases, and take over which one is live."""
        for record in episode.after.records:
            if record.kind == "deployment" and record.id not in self.releases:
                self.releases[record.id] = Release(id=record.id, revision=record.revision, before=self.live)
        report = episode.outcome.record
        if report and report["kind"] == "deployment" and not episode.is_dry:
            self.releases.setdefault(
                report["id"], Release(id=report["id"], revision=report["revision"], before=self.live)
            )
        for name in episode.after.folders - set(self.releases):
            self.releases[name] = Release(id=name, revision="", before=self.live)
        self.releases = dict(sorted(self.releases.items()))
        self._find_live(episode)

    def _find_live(self, episode: Episode) -> None:
        if self.has_folders:
            self.live = episode.after.link
            return
        served = episode.after.condition.revision
        current = self.current
        if current is not None and current.revision == served:
            report = episode.outcome.record
            if not (report and episode.outcome.code == 0 and report["revision"] == served):
                return
        same = [each.id for each in self.releases.values() if each.revision == served]
        named = (
            (episode.outcome.record.get("release") or episode.outcome.record.get("id") or "")
            if episode.outcome.record
            else ""
        )
        self.live = named if named in same else same[-1] if same else ""
