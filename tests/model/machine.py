"""Sequences of commands and faults over two services in two environments, compared with the model."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.episode import Call
from tests.model.play import GITHUB_FAULTS, Play
from tests.model.recipes import STEPS, Kind
from tests.model.running import SelfSignal
from tests.model.scene import Scene

if TYPE_CHECKING:
    from tests.model.expected import Model
    from tests.model.outside import Outside
    from tests.model.scene import Site

KINDS: st.SearchStrategy[Kind] = st.sampled_from(["releases", "command"])
PLACES = st.sampled_from([0, 0, 0, 0, 1, 2, 2, 2, 3])
"""The first environment of each service most often: most contradictions need several commands at one site."""
LETTERS = st.sampled_from("0000001bcdef")
UNKNOWN_ID = "20200101T000000Z-abcdef1"
SIGNALS = st.sampled_from([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
SELF_SIGNALS = st.builds(lambda number, at: SelfSignal(number=number, at=at), SIGNALS, st.integers(1, 110))
CHOICES = st.integers(0, 7)


class Contradiction(AssertionError):
    """An outcome of ci-ops that contradicts the model."""


class Deployments(RuleBasedStateMachine):
    """The scene and its model, changed one rule at a time."""

    outside: ClassVar[Outside]

    def __init__(self) -> None:
        super().__init__()
        self.started: Play | None = None
        self.count = 0

    @initialize(
        kinds=st.tuples(KINDS, KINDS),
        keep=st.integers(1, 3),
        probe=st.booleans(),
        on_github=st.booleans(),
        holds=st.booleans(),
        good=st.integers(0, 3),
    )
    def begin(
        self, kinds: tuple[Kind, Kind], keep: int, probe: bool, on_github: bool, holds: bool, good: int
    ) -> None:
        scene = Scene(
            outside=self.outside, kinds=kinds, keep=keep, probe=probe, on_github=on_github, holds=holds
        )
        self.started = Play(scene)
        where = "on GitHub" if on_github else "on a laptop"
        self.started.lines.append(f"kinds {kinds}, keep {keep}, probe {probe}, holds {holds}, {where}")
        for _ in range(good):
            self.play(0, Call(command="deploy", revision=self.fresh("0")))

    def teardown(self) -> None:
        if self.started is not None:
            self.started.scene.close()

    # Commands

    @rule(place=PLACES, letter=LETTERS, verify=st.booleans() | st.just(True))
    def deploy(self, place: int, letter: str, verify: bool) -> None:
        self.play(place, Call(command="deploy", revision=self.fresh(letter), verify=verify))

    @rule(place=PLACES)
    def deploy_slow_start(self, place: int) -> None:
        self.play(place, Call(command="deploy", revision=self.fresh("a"), deadline="4s"))

    @rule(place=PLACES, choice=CHOICES, force=st.booleans())
    def redeploy(self, place: int, choice: int, force: bool) -> None:
        if revision := self.old(place, choice):
            self.play(place, Call(command="deploy", revision=revision, force=force))

    @rule(place=PLACES)
    def roll_back(self, place: int) -> None:
        self.play(place, Call(command="rollback"))

    @rule(place=PLACES, choice=CHOICES, by_revision=st.booleans())
    def roll_back_to(self, place: int, choice: int, by_revision: bool) -> None:
        name = self.name(place, choice)
        if by_revision and (release := self.model(place).releases.get(name)) and release.revision:
            name = release.revision
        self.play(place, Call(command="rollback", to=name))

    @rule(place=PLACES, choice=CHOICES)
    def roll_back_deployment(self, place: int, choice: int) -> None:
        self.play(place, Call(command="rollback", deployment_id=self.name(place, choice)))

    @rule(place=PLACES, choice=CHOICES)
    def verify(self, place: int, choice: int) -> None:
        self.play(place, Call(command="verify", revision=self.old(place, choice) or self.fresh("0")))

    @rule(place=PLACES, choice=CHOICES)
    def verify_deployment(self, place: int, choice: int) -> None:
        name = self.name(place, choice)
        release = self.model(place).releases.get(name)
        revision = release.revision if release else ""
        self.play(place, Call(command="verify", deployment_id=name, revision=revision))

    @rule(place=PLACES, back=st.booleans())
    def dry_run(self, place: int, back: bool) -> None:
        revision = "" if back else self.fresh("0")
        self.play(place, Call(command="rollback" if back else "deploy", revision=revision, is_dry=True))

    # Interrupted commands and injected faults

    @rule(place=PLACES, letter=LETTERS, kill=SELF_SIGNALS)
    def deploy_with_signal(self, place: int, letter: str, kill: SelfSignal) -> None:
        self.play(place, Call(command="deploy", revision=self.fresh(letter)), kill=kill)

    @rule(place=PLACES, kill=SELF_SIGNALS)
    def roll_back_with_signal(self, place: int, kill: SelfSignal) -> None:
        self.play(place, Call(command="rollback"), kill=kill)

    @rule(
        place=PLACES,
        letter=LETTERS,
        step=CHOICES,
        fault=st.sampled_from(["KILL", "TERM", "HUP", "STUBBORN"]),
    )
    def deploy_with_signal_in_step(self, place: int, letter: str, step: int, fault: str) -> None:
        call = Call(command="deploy", revision=self.fresh(letter))
        self.play(place, call, fault=f"{self.step(place, step)} {fault}")

    @rule(place=PLACES, step=CHOICES, fault=st.sampled_from(["KILL", "TERM", "HUP", "FAIL"]))
    def roll_back_with_fault_in_step(self, place: int, step: int, fault: str) -> None:
        self.play(place, Call(command="rollback"), fault=f"{self.step(place, step)} {fault}")

    @rule(place=PLACES, letter=LETTERS, step=CHOICES)
    def deploy_with_failing_step(self, place: int, letter: str, step: int) -> None:
        call = Call(command="deploy", revision=self.fresh(letter))
        self.play(place, call, fault=f"{self.step(place, step)} FAIL")

    @rule(place=PLACES, letter=LETTERS, back=st.booleans())
    def lose_ledger_after_switch(self, place: int, letter: str, back: bool) -> None:
        call = Call(command="rollback") if back else Call(command="deploy", revision=self.fresh(letter))
        step = "reload" if self.site(place).kind == "releases" else "rollback" if back else "run"
        self.play(place, call, fault=f"{step} LEDGER")

    @precondition(lambda self: self.scene.on_github)
    @rule(
        place=PLACES, letter=LETTERS, back=st.booleans(), github_fault=st.sampled_from(sorted(GITHUB_FAULTS))
    )
    def run_with_github_fault(self, place: int, letter: str, back: bool, github_fault: str) -> None:
        call = Call(command="rollback") if back else Call(command="deploy", revision=self.fresh(letter))
        self.play(place, call, github_fault=github_fault)

    # Changes of the world

    @rule(place=PLACES, choice=CHOICES, is_unhealthy=st.booleans())
    def change_health(self, place: int, choice: int, is_unhealthy: bool) -> None:
        revision = self.old(place, choice)
        unhealthy = self.scene.unhealthy(self.site(place))
        unhealthy = unhealthy | {revision} if is_unhealthy else unhealthy - {revision}
        (self.site(place).box / "unhealthy").write_text(" ".join(sorted(unhealthy)))
        self.note(place, f"{revision[:7]} becomes {'unhealthy' if is_unhealthy else 'healthy'}")

    @rule(place=PLACES)
    def kill_service(self, place: int) -> None:
        path = self.site(place).box / "served"
        if path.exists() and (served := path.read_text().split()):
            path.write_text(f"{served[0]} dead\n")
        self.note(place, "the service dies")

    @rule(place=PLACES, choice=CHOICES)
    def remove_release(self, place: int, choice: int) -> None:
        name, site = self.name(place, choice), self.site(place)
        folder = site.box / "srv" / "releases" / name
        if name != self.model(place).live and folder.is_dir():
            for each in sorted(folder.rglob("*"), reverse=True):
                each.unlink()
            folder.rmdir()
            self.note(place, f"the folder of {name} is gone")

    @rule(place=PLACES, choice=CHOICES)
    def damage_ledger(self, place: int, choice: int) -> None:
        path = self.scene.state(self.site(place)) / "ledger.jsonl"
        is_truth = self.site(place).kind == "releases" or not self.scene.on_github
        lines = path.read_text().splitlines() if is_truth and path.exists() else []
        if len(lines) < 2:
            return
        at = len(lines) - 2 - min(choice, len(lines) - 2)
        lines[at] = lines[at][: len(lines[at]) // 2]
        path.write_text("\n".join(lines) + "\n")
        self.note(place, f"line {at + 1} of the ledger is damaged")
        for site, model in self.session.models.items():
            if self.scene.state(site) == path.parent:
                model.damage()

    @precondition(lambda self: self.scene.on_github)
    @rule()
    def begin_job(self) -> None:
        self.scene.begin_job()
        for site, model in self.session.models.items():
            if site.kind == "command":  # its ledger is GitHub's: the runner's own files are gone
                model.is_damaged = model.is_behind = False
        self.session.lines.append("a new job")

    # Helpers of the rules

    @property
    def session(self) -> Play:
        assert self.started is not None
        return self.started

    @property
    def scene(self) -> Scene:
        return self.session.scene

    def site(self, place: int) -> Site:
        return self.scene.sites[place]

    def model(self, place: int) -> Model:
        return self.session.models[self.site(place)]

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count:06x}{'0' * 33}"

    def old(self, place: int, choice: int) -> str:
        """Return the revision of a deployment, the newest first; empty where there is none."""
        known = [each.revision for each in reversed(self.model(place).releases.values()) if each.revision]
        return known[choice % len(known)] if known else ""

    def name(self, place: int, choice: int) -> str:
        """Return the id of a deployment, the newest first, or an unknown id."""
        known = list(reversed(self.model(place).releases))
        return [*known, UNKNOWN_ID][choice % (len(known) + 1)]

    def step(self, place: int, choice: int) -> str:
        steps = STEPS[self.site(place).kind]
        return steps[choice % len(steps)]

    def note(self, place: int, sentence: str) -> None:
        self.session.note(self.site(place), sentence)

    def play(
        self,
        place: int,
        call: Call,
        *,
        kill: SelfSignal | None = None,
        fault: str = "",
        github_fault: str = "",
    ) -> None:
        """Run one command, and fail where it contradicts the model."""
        found = self.session.command(
            self.site(place), call, kill=kill, fault=fault, github_fault=github_fault
        )
        if found:
            self.contradict(found)

    def contradict(self, found: list[str]) -> None:
        """Fail with the contradictions and the commands before them."""
        raise Contradiction(self.session.story(found))
