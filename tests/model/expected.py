"""What users may rely on: which release may be live after each command, and how it may end.

This model is written from what ci-ops promises, not from how it works. It knows what was asked for,
what the world is like, and nothing of journals, steps or flows. Where a promise leaves several ends
open, every end is allowed that its users would understand:

* After a run that was cut off, the next one may resume, take back or supersede it; it may never bring
  a release back that a rollback was leaving.
* A verified release whose service failed a later verification may, or may not, be gone back to.
* Where a rollback left a commit, an earlier deployment of the same commit may, or may not, be gone back to.
* Going back from a release that was deployed with `--no-verify` may undo that deployment, or go to the
  newest verified release before it.
* In one job, a rollback that is run again may find that it is done; in another job it goes further back.
* A release that the server never took up while it was not verified leaves link and service at odds:
  then a rollback may start from either.
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
    """Id of the release that was live when it was deployed."""
    is_verified: bool | None = False
    """None where a promise leaves it open."""
    was_left: bool | None = False
    """True since a rollback left it; None where that could not be written down."""
    is_commit_left: bool | None = False
    """True since a rollback's record left it: an earlier deployment of its commit is left with it."""
    is_regained: bool | None = False
    """True since a rollback to it was proven; None where that is open."""

    def copy(self) -> Release:
        """The same, for another model to change."""
        return replace(self)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A run that was cut off, or that could not take back what it did."""

    command: str
    revision: str
    live: str
    """Id of the release that was live when it began."""
    truth: tuple[str, str]
    """What was measured then."""
    way_back: frozenset[str] = frozenset()
    """Where a rollback was allowed to go."""
    is_reported: bool = False
    """True when its whole report was written before it was killed: it had done everything."""


@dataclass
class Model:
    """One service in one environment."""

    has_folders: bool
    releases: dict[str, Release] = field(default_factory=dict)
    """By id, in the order in which they were deployed."""
    live: str = ""
    cut: Cut | None = None
    is_behind: bool = False
    """True where a run could not write the ledger: the next one that locks writes what it finds in journals."""
    is_damaged: bool = False
    """True once a line of the ledger was damaged."""

    @property
    def current(self) -> Release | None:
        """The live release; None for none."""
        return self.releases.get(self.live)

    @property
    def known_good(self) -> frozenset[str]:
        """The releases that are verified, or may be."""
        return frozenset(each.id for each in self.releases.values() if each.is_verified is not False)

    def is_clear(self, truth: Truth) -> bool:
        """True when the host and the service agree on what is live."""
        current = self.current
        return truth.condition.revision == (current.revision if current else "")

    def rollback_target(self, truth: Truth, start: str | None = None) -> frozenset[str]:
        """Where `rollback` may go: to the newest verified release before the live one; empty for nowhere."""
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
        """Return True where a rollback left a later deployment of the same commit, and none came back since."""
        later = (each for each in self.releases.values() if each.id > release.id)
        is_left = any(each.is_commit_left and each.revision == release.revision for each in later)
        return is_left and release.is_regained is False

    def is_sure(self, release: Release) -> bool:
        """True when the release is one to go back to, and everybody may know it."""
        was_left_since = any(
            each.was_left and each.revision == release.revision and each.id > release.id
            for each in self.releases.values()
        )
        return release.is_verified is True and release.was_left is False and not was_left_since

    def must_have_way_back(self, truth: Truth) -> bool:
        """False where a refusal is allowed too: no release is surely one to go back to."""
        return any(self.is_sure(self.releases[each]) for each in self.rollback_target(truth))

    def named(self, name: str) -> list[Release]:
        """Releases that `--to NAME` may mean."""
        return [each for each in self.releases.values() if name == each.id or each.revision.startswith(name)]

    def damage(self) -> None:
        """A line of the ledger cannot be read any more: what was verified may not be known to be."""
        self.is_damaged = True
        for release in self.releases.values():
            if release.is_verified:
                release.is_verified = None

    # What a command did, learned from what is so.

    def learn(self, episode: Episode) -> None:
        """Take over what is live, and releases that are new."""
        for record in episode.after.records:
            if record.kind == "deployment" and record.id not in self.releases:
                self.releases[record.id] = Release(id=record.id, revision=record.revision, before=self.live)
        report = episode.ran.record
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
            report = episode.ran.record
            if not (report and episode.ran.code == 0 and report["revision"] == served):
                return
        same = [each.id for each in self.releases.values() if each.revision == served]
        named = (
            (episode.ran.record.get("release") or episode.ran.record.get("id") or "")
            if episode.ran.record
            else ""
        )
        self.live = named if named in same else same[-1] if same else ""
