"""Sequences of commands and mishaps over two services in two environments, held to the model."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.episode import Wanted
from tests.model.play import FAULTS, Play
from tests.model.recipes import STEPS, Kind
from tests.model.running import Death
from tests.model.scene import Scene

if TYPE_CHECKING:
    from tests.model.expected import Model
    from tests.model.outside import Outside
    from tests.model.scene import Site

KINDS: st.SearchStrategy[Kind] = st.sampled_from(["releases", "command"])
PLACES = st.sampled_from([0, 0, 0, 0, 1, 2, 2, 2, 3])
"""The first environment of each service most often: most faults want several commands at one place."""
LETTERS = st.sampled_from("0000001bcdef")
UNKNOWN_ID = "20200101T000000Z-abcdef1"
SIGNALS = st.sampled_from([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
DEATHS = st.builds(lambda number, at: Death(number=number, at=at), SIGNALS, st.integers(1, 110))
CHOICES = st.integers(0, 7)


class Contradiction(AssertionError):
    """What ci-ops did or said is not what its users may rely on."""


class Deployments(RuleBasedStateMachine):
    """The world and its model, step by step."""

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
            self.play(0, Wanted(command="deploy", revision=self.fresh("0")))

    def teardown(self) -> None:
        if self.started is not None:
            self.started.scene.close()

    # Commands

    @rule(place=PLACES, letter=LETTERS, verify=st.booleans() | st.just(True))
    def deploy(self, place: int, letter: str, verify: bool) -> None:
        self.play(place, Wanted(command="deploy", revision=self.fresh(letter), verify=verify))

    @rule(place=PLACES)
    def deploy_what_starts_slowly(self, place: int) -> None:
        self.play(place, Wanted(command="deploy", revision=self.fresh("a"), deadline="4s"))

    @rule(place=PLACES, choice=CHOICES, force=st.booleans())
    def deploy_again(self, place: int, choice: int, force: bool) -> None:
        if revision := self.old(place, choice):
            self.play(place, Wanted(command="deploy", revision=revision, force=force))

    @rule(place=PLACES)
    def roll_back(self, place: int) -> None:
        self.play(place, Wanted(command="rollback"))

    @rule(place=PLACES, choice=CHOICES, by_revision=st.booleans())
    def roll_back_to(self, place: int, choice: int, by_revision: bool) -> None:
        name = self.name(place, choice)
        if by_revision and (release := self.model(place).releases.get(name)) and release.revision:
            name = release.revision
        self.play(place, Wanted(command="rollback", to=name))

    @rule(place=PLACES, choice=CHOICES)
    def roll_back_deployment(self, place: int, choice: int) -> None:
        self.play(place, Wanted(command="rollback", deployment_id=self.name(place, choice)))

    @rule(place=PLACES, choice=CHOICES)
    def verify(self, place: int, choice: int) -> None:
        self.play(place, Wanted(command="verify", revision=self.old(place, choice) or self.fresh("0")))

    @rule(place=PLACES, choice=CHOICES)
    def verify_deployment(self, place: int, choice: int) -> None:
        name = self.name(place, choice)
        release = self.model(place).releases.get(name)
        revision = release.revision if release else ""
        self.play(place, Wanted(command="verify", deployment_id=name, revision=revision))

    @rule(place=PLACES, back=st.booleans())
    def rehearse(self, place: int, back: bool) -> None:
        revision = "" if back else self.fresh("0")
        self.play(place, Wanted(command="rollback" if back else "deploy", revision=revision, is_dry=True))

    # The same, cut off or disturbed

    @rule(place=PLACES, letter=LETTERS, death=DEATHS)
    def deploy_and_die(self, place: int, letter: str, death: Death) -> None:
        self.play(place, Wanted(command="deploy", revision=self.fresh(letter)), death=death)

    @rule(place=PLACES, death=DEATHS)
    def roll_back_and_die(self, place: int, death: Death) -> None:
        self.play(place, Wanted(command="rollback"), death=death)

    @rule(
        place=PLACES,
        letter=LETTERS,
        step=CHOICES,
        mishap=st.sampled_from(["KILL", "TERM", "HUP", "STUBBORN"]),
    )
    def deploy_and_die_in_a_step(self, place: int, letter: str, step: int, mishap: str) -> None:
        wanted = Wanted(command="deploy", revision=self.fresh(letter))
        self.play(place, wanted, mishap=f"{self.step(place, step)} {mishap}")

    @rule(place=PLACES, step=CHOICES, mishap=st.sampled_from(["KILL", "TERM", "HUP", "FAIL"]))
    def roll_back_with_a_mishap(self, place: int, step: int, mishap: str) -> None:
        self.play(place, Wanted(command="rollback"), mishap=f"{self.step(place, step)} {mishap}")

    @rule(place=PLACES, letter=LETTERS, step=CHOICES)
    def deploy_with_a_step_that_fails(self, place: int, letter: str, step: int) -> None:
        wanted = Wanted(command="deploy", revision=self.fresh(letter))
        self.play(place, wanted, mishap=f"{self.step(place, step)} FAIL")

    @rule(place=PLACES, letter=LETTERS, back=st.booleans())
    def lose_the_ledger_after_the_switch(self, place: int, letter: str, back: bool) -> None:
        wanted = Wanted(command="rollback") if back else Wanted(command="deploy", revision=self.fresh(letter))
        step = "reload" if self.site(place).kind == "releases" else "rollback" if back else "run"
        self.play(place, wanted, mishap=f"{step} LEDGER")

    @precondition(lambda self: self.the_scene.on_github)
    @rule(place=PLACES, letter=LETTERS, back=st.booleans(), fault=st.sampled_from(sorted(FAULTS)))
    def work_while_github_fails(self, place: int, letter: str, back: bool, fault: str) -> None:
        wanted = Wanted(command="rollback") if back else Wanted(command="deploy", revision=self.fresh(letter))
        self.play(place, wanted, fault=fault)

    # The world

    @rule(place=PLACES, choice=CHOICES, is_sick=st.booleans())
    def change_health(self, place: int, choice: int, is_sick: bool) -> None:
        revision = self.old(place, choice)
        sick = self.the_scene.sick(self.site(place))
        sick = sick | {revision} if is_sick else sick - {revision}
        (self.site(place).box / "sick").write_text(" ".join(sorted(sick)))
        self.note(place, f"{revision[:7]} is {'sick' if is_sick else 'well'}")

    @rule(place=PLACES)
    def end_the_service(self, place: int) -> None:
        path = self.site(place).box / "served"
        if path.exists() and (served := path.read_text().split()):
            path.write_text(f"{served[0]} dead\n")
        self.note(place, "the service dies")

    @rule(place=PLACES, choice=CHOICES)
    def lose_a_folder(self, place: int, choice: int) -> None:
        name, site = self.name(place, choice), self.site(place)
        folder = site.box / "srv" / "releases" / name
        if name != self.model(place).live and folder.is_dir():
            for each in sorted(folder.rglob("*"), reverse=True):
                each.unlink()
            folder.rmdir()
            self.note(place, f"the folder of {name} is gone")

    @rule(place=PLACES, choice=CHOICES)
    def damage_the_ledger(self, place: int, choice: int) -> None:
        path = self.the_scene.state(self.site(place)) / "ledger.jsonl"
        is_truth = self.site(place).kind == "releases" or not self.the_scene.on_github
        lines = path.read_text().splitlines() if is_truth and path.exists() else []
        if len(lines) < 2:
            return
        at = len(lines) - 2 - min(choice, len(lines) - 2)
        lines[at] = lines[at][: len(lines[at]) // 2]
        path.write_text("\n".join(lines) + "\n")
        self.note(place, f"line {at + 1} of the ledger is damaged")
        for site, model in self.the_play.models.items():
            if self.the_scene.state(site) == path.parent:
                model.damage()

    @precondition(lambda self: self.the_scene.on_github)
    @rule()
    def begin_job(self) -> None:
        self.the_scene.begin_job()
        for site, model in self.the_play.models.items():
            if site.kind == "command":  # its ledger is GitHub's: what a runner had written is gone with it
                model.is_damaged = model.is_behind = False
        self.the_play.lines.append("a new job")

    # How it is done

    @property
    def the_play(self) -> Play:
        assert self.started is not None
        return self.started

    @property
    def the_scene(self) -> Scene:
        return self.the_play.scene

    def site(self, place: int) -> Site:
        return self.the_scene.sites[place]

    def model(self, place: int) -> Model:
        return self.the_play.models[self.site(place)]

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count:06x}{'0' * 33}"

    def old(self, place: int, choice: int) -> str:
        """The revision of a deployment, the newest first; empty for none."""
        known = [each.revision for each in reversed(self.model(place).releases.values()) if each.revision]
        return known[choice % len(known)] if known else ""

    def name(self, place: int, choice: int) -> str:
        """The id of a deployment, the newest first, or one that nobody knows."""
        known = list(reversed(self.model(place).releases))
        return [*known, UNKNOWN_ID][choice % (len(known) + 1)]

    def step(self, place: int, choice: int) -> str:
        steps = STEPS[self.site(place).kind]
        return steps[choice % len(steps)]

    def note(self, place: int, sentence: str) -> None:
        self.the_play.note(self.site(place), sentence)

    def play(
        self, place: int, wanted: Wanted, *, death: Death | None = None, mishap: str = "", fault: str = ""
    ) -> None:
        """One command, judged."""
        found = self.the_play.command(self.site(place), wanted, death=death, mishap=mishap, fault=fault)
        if found:
            self.contradict(found)

    def contradict(self, found: list[str]) -> None:
        """Fail with everything that led here."""
        raise Contradiction(self.the_play.story(found))
