"""Commands played in a scene and held to its model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.model.episode import Episode, Wanted
from tests.model.expected import Model
from tests.model.knowledge import learn
from tests.model.rules import judge
from tests.model.running import Death, Timer
from tests.model.statements import contradictions

if TYPE_CHECKING:
    from tests.model.running import Ran
    from tests.model.scene import Scene, Site
    from tests.model.truth import Truth


FAULTS: dict[str, dict[str, object]] = {
    "GitHub refuses the token": {"status": 401, "times": 10**6},
    "GitHub refuses statuses": {"status": 401, "times": 10**6, "method": "POST", "path": "/statuses$"},
    "GitHub stumbles": {"status": 502, "times": 1},
}
"""What GitHub does to the requests of one run; what is tried again for long would hold up every test."""


class Play:
    """A scene, what the model knows of each of its sites, and what was done so far."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.models = {site: Model(has_folders=site.kind == "releases") for site in scene.sites}
        self.lines: list[str] = []
        """What was done, a line each, for who reads of a contradiction."""
        self.jobs: dict[Site, int] = {}
        """The job in which each site's live release was deployed."""
        self.rollbacks: dict[Site, tuple[int, bool | None]] = {}
        """The job whose rollback is the last record of the site; None where it may not be recorded as proven."""
        self.errors = ""
        """What the last command wrote to stderr."""

    def command(
        self,
        site: Site,
        wanted: Wanted,
        *,
        death: Death | Timer | None = None,
        mishap: str = "",
        fault: str = "",
    ) -> list[str]:
        """Run one command; what of its end contradicts the model.

        `mishap` is told to a step; `fault` names what GitHub does to its requests.
        """
        before = self.scene.measure(fault=FAULTS.get(fault))
        self.scene.tell(site, mishap)
        is_signalled = bool(mishap) and not mishap.endswith(("FAIL", "LEDGER"))
        ran = self.scene.run(site, *_arguments(wanted), death=death, apart=is_signalled)
        if ran.code < 0:
            self.scene.wait_for_left()
        self.scene.mend(site)
        after = self.scene.measure(fault=None)
        self.lines.append(f"{site.name}: {_shown(wanted, ran, death, mishap or fault)}")
        self.errors = ran.err
        is_same_job = self.scene.on_github and self.jobs.get(site) == self.scene.job
        job, is_proven = self.rollbacks.get(site, (0, False))
        is_done_before = is_proven if self.scene.on_github and job == self.scene.job else False
        wanted = replace(wanted, is_same_job=is_same_job, is_done_before=is_done_before)
        model = self.models[site]
        episode = Episode(
            ran=ran,
            before=before[site],
            after=after[site],
            service=site.service,
            environment=site.environment,
            is_dry=wanted.is_dry,
            may_settle=model.cut is not None or model.is_behind,
            is_disturbed=bool(mishap or fault) or model.is_damaged,
            is_without_github=bool(fault),
            holds=self.scene.holds,
            is_damaged=model.is_damaged,
            known_good=model.known_good,
            sick=self.scene.sick(site),
        )
        found = list(contradictions(episode))
        if death is None and (not mishap or mishap.endswith("LEDGER")):
            found += judge(model, wanted, episode)
        found += _neighbours(site, before, after)
        live = model.live
        if mishap.endswith("LEDGER"):
            model.is_behind = True
        elif wanted.command != "verify" and not wanted.is_dry and ran.code in {0, 4, 5, 6}:
            model.is_behind = False
        learn(model, wanted, episode)
        if model.live != live:
            self.jobs[site] = self.scene.job
        self._remember_rollback(site, wanted, episode)
        return found

    def _remember_rollback(self, site: Site, wanted: Wanted, episode: Episode) -> None:
        """Remember a rollback that ended the site's records: in its own job, it is not done again."""
        if wanted.command == "verify" or episode.before.written == episode.after.written:
            return
        newest = episode.after.records[-1:]
        is_rollback = episode.is_disturbed or any(each.kind == "rollback" for each in newest)
        if wanted.command == "rollback" and episode.ran.code == 0 and is_rollback:
            is_unsure = episode.is_disturbed or bool(wanted.to)
            self.rollbacks[site] = (self.scene.job, None if is_unsure else True)
        else:
            self.rollbacks.pop(site, None)

    def note(self, site: Site, sentence: str) -> None:
        """Write down what happened to the world."""
        self.lines.append(f"{site.name}: {sentence}")

    def story(self, found: list[str]) -> str:
        """The contradictions, everything that led there, and the end of the last command's stderr."""
        return "\n  ".join(["; ".join(found), *self.lines]) + f"\n{self.errors[-1500:]}"


def _arguments(wanted: Wanted) -> list[str]:
    given = [wanted.command]
    given += ["--revision", wanted.revision] if wanted.revision and wanted.command != "rollback" else []
    given += ["--to", wanted.to] if wanted.to else []
    given += ["--deployment-id", wanted.deployment_id] if wanted.deployment_id else []
    given += [] if wanted.verify else ["--no-verify"]
    given += ["--deadline", wanted.deadline] if wanted.deadline else []
    given += ["--force"] if wanted.force else []
    return given + (["--dry-run"] if wanted.is_dry else [])


def _shown(wanted: Wanted, ran: Ran, death: Death | Timer | None, mishap: str) -> str:
    cut = f" [{mishap}]" if mishap else ""
    if isinstance(death, Death):
        cut = f" [{death.number.name} at change {death.at}]"
    elif death is not None:
        cut = f" [SIGKILL after {death.seconds:.3f} s]"
    said = ran.report.get("sentence") or next(iter(ran.err.splitlines()), "")
    return f"{' '.join(_arguments(wanted))}{cut} -> exit {ran.code} {ran.reason}: {said}"


def _neighbours(site: Site, before: dict[Site, Truth], after: dict[Site, Truth]) -> list[str]:
    """A run on one site changes nothing at any other."""
    found = []
    for other, was in before.items():
        if other is not site and was.live != after[other].live:
            found.append(f"it changed what is live at {other.name}")
        if other is not site and was.records != after[other].records:
            found.append(f"it changed the records of {other.name}")
    return found
