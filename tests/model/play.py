"""Commands run in a scene, and their outcomes compared with its model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.model.episode import Call, Episode
from tests.model.expected import Model
from tests.model.knowledge import learn
from tests.model.rules import judge
from tests.model.running import SelfSignal, Timer
from tests.model.statements import contradictions

if TYPE_CHECKING:
    from tests.model.running import Outcome
    from tests.model.scene import Scene, Site
    from tests.model.truth import Truth


GITHUB_FAULTS: dict[str, dict[str, object]] = {
    "GitHub refuses the token": {"status": 401, "times": 10**6},
    "GitHub refuses statuses": {"status": 401, "times": 10**6, "method": "POST", "path": "/statuses$"},
    "GitHub stumbles": {"status": 502, "times": 1},
}
"""Errors that GitHub answers during one run. A long series of 5xx is left out: its retries would delay every test."""


class Play:
    """A scene, a model for each of its sites, and the commands so far."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.models = {site: Model(has_folders=site.kind == "releases") for site in scene.sites}
        self.lines: list[str] = []
        """One line for each command and change, shown with a contradiction."""
        self.jobs: dict[Site, int] = {}
        """The job that deployed the live release of a site."""
        self.rollbacks: dict[Site, tuple[int, bool | None]] = {}
        """The job whose rollback is the site's last record, and whether it is proven; None where that is unknown."""
        self.errors = ""
        """Standard error of the last command."""

    def command(
        self,
        site: Site,
        call: Call,
        *,
        kill: SelfSignal | Timer | None = None,
        fault: str = "",
        github_fault: str = "",
    ) -> list[str]:
        """Run one command, and return what contradicts the model.

        `fault` is injected into a step; `github_fault` names the errors of GitHub.
        """
        before = self.scene.measure(github_fault=GITHUB_FAULTS.get(github_fault))
        self.scene.inject(site, fault)
        is_signalled = bool(fault) and not fault.endswith(("FAIL", "LEDGER"))
        outcome = self.scene.run(site, *_arguments(call), kill=kill, is_forked=is_signalled)
        if outcome.code < 0:
            self.scene.wait_for_orphans()
        self.scene.repair(site)
        after = self.scene.measure(github_fault=None)
        self.lines.append(f"{site.name}: {_describe(call, outcome, kill, fault or github_fault)}")
        self.errors = outcome.err
        is_same_job = self.scene.on_github and self.jobs.get(site) == self.scene.job
        job, is_proven = self.rollbacks.get(site, (0, False))
        is_repeated = is_proven if self.scene.on_github and job == self.scene.job else False
        call = replace(call, is_same_job=is_same_job, is_repeated=is_repeated)
        model = self.models[site]
        episode = Episode(
            outcome=outcome,
            before=before[site],
            after=after[site],
            service=site.service,
            environment=site.environment,
            is_dry=call.is_dry,
            may_reconcile=model.interruption is not None or model.is_behind,
            is_disturbed=bool(fault or github_fault) or model.is_damaged,
            loses_ledger=fault.endswith("LEDGER"),
            has_github_fault=bool(github_fault),
            holds=self.scene.holds,
            is_damaged=model.is_damaged,
            known_good=model.known_good,
            unhealthy=self.scene.unhealthy(site),
        )
        found = list(contradictions(episode))
        if kill is None and (not fault or fault.endswith("LEDGER")):
            found += judge(model, call, episode)
        found += _changes_elsewhere(site, before, after)
        live = model.live
        if fault.endswith("LEDGER"):
            model.is_behind = True
        elif call.command != "verify" and not call.is_dry and outcome.code in {0, 4, 5, 6}:
            model.is_behind = False
        learn(model, call, episode)
        if model.live != live:
            self.jobs[site] = self.scene.job
        self._remember_rollback(site, call, episode)
        return found

    def _remember_rollback(self, site: Site, call: Call, episode: Episode) -> None:
        """Remember a rollback that is the last record of the site: the same job does not repeat it."""
        if call.command == "verify" or episode.before.written == episode.after.written:
            return
        newest = episode.after.records[-1:]
        is_rollback = episode.is_disturbed or any(each.kind == "rollback" for each in newest)
        if call.command == "rollback" and episode.outcome.code == 0 and is_rollback:
            is_unsure = episode.is_disturbed or bool(call.to)
            self.rollbacks[site] = (self.scene.job, None if is_unsure else True)
        else:
            self.rollbacks.pop(site, None)

    def note(self, site: Site, sentence: str) -> None:
        """Add a change of the world to the story."""
        self.lines.append(f"{site.name}: {sentence}")

    def story(self, found: list[str]) -> str:
        """Return the contradictions, the commands before them, and the end of the last standard error."""
        return "\n  ".join(["; ".join(found), *self.lines]) + f"\n{self.errors[-1500:]}"


def _arguments(call: Call) -> list[str]:
    given = [call.command]
    given += ["--revision", call.revision] if call.revision and call.command != "rollback" else []
    given += ["--to", call.to] if call.to else []
    given += ["--deployment-id", call.deployment_id] if call.deployment_id else []
    given += [] if call.verify else ["--no-verify"]
    given += ["--deadline", call.deadline] if call.deadline else []
    given += ["--force"] if call.force else []
    return given + (["--dry-run"] if call.is_dry else [])


def _describe(call: Call, outcome: Outcome, kill: SelfSignal | Timer | None, fault: str) -> str:
    interruption = f" [{fault}]" if fault else ""
    if isinstance(kill, SelfSignal):
        interruption = f" [{kill.number.name} at change {kill.at}]"
    elif kill is not None:
        interruption = f" [SIGKILL after {kill.seconds:.3f} s]"
    said = outcome.report.get("sentence") or next(iter(outcome.err.splitlines()), "")
    return f"{' '.join(_arguments(call))}{interruption} -> exit {outcome.code} {outcome.reason}: {said}"


def _changes_elsewhere(site: Site, before: dict[Site, Truth], after: dict[Site, Truth]) -> list[str]:
    """Return what a run on one site changed at another."""
    found = []
    for other, was in before.items():
        if other is not site and was.live != after[other].live:
            found.append(f"the live release changed at {other.name}")
        if other is not site and was.records != after[other].records:
            found.append(f"the records changed at {other.name}")
    return found
