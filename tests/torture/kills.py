"""kill -9 at random moments of real programs, and the next command held to the model.

Every run begins from the same files, is killed from outside, and is followed by one command:
the same deployment, another one, or a rollback.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.model.episode import Wanted
from tests.model.outside import Outside, outside
from tests.model.play import Play
from tests.model.recipes import Kind
from tests.model.running import Timer
from tests.model.scene import Scene, Site
from tests.torture.saying import say

ONE, TWO, THREE = ("0" + digit * 39 for digit in "123")


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One kind of kill, tried many times."""

    kind: Kind
    command: str
    """What is killed: deploy or rollback."""
    is_stubborn: bool = False
    """True where the steps ignore TERM."""
    in_the_middle: bool = False
    """True where the time begins with the journal, so that every kill falls into the transaction."""

    @property
    def name(self) -> str:
        """How the table names it."""
        words = [self.command, self.kind, *["stubborn"] * self.is_stubborn, *["middle"] * self.in_the_middle]
        return " ".join(words)


LOOPS = (
    Loop(kind="releases", command="deploy"),
    Loop(kind="releases", command="deploy", in_the_middle=True),
    Loop(kind="releases", command="deploy", is_stubborn=True, in_the_middle=True),
    Loop(kind="command", command="deploy"),
    Loop(kind="command", command="deploy", in_the_middle=True),
    Loop(kind="command", command="deploy", is_stubborn=True, in_the_middle=True),
    Loop(kind="releases", command="rollback", in_the_middle=True),
    Loop(kind="command", command="rollback", in_the_middle=True),
    Loop(kind="releases", command="rollback", is_stubborn=True, in_the_middle=True),
    Loop(kind="command", command="rollback", is_stubborn=True, in_the_middle=True),
)


@dataclass
class Tally:
    """What came of a loop."""

    runs: int = 0
    killed: int = 0
    """Runs that were killed before they ended by themselves."""
    ends: Counter[str] = field(default_factory=Counter)
    """How the next commands ended."""
    problems: list[str] = field(default_factory=list)


class Ground:
    """The files from which every run of a loop begins."""

    def __init__(self, world: Outside, loop: Loop) -> None:
        self.scene = Scene(
            outside=world,
            kinds=(loop.kind, loop.kind),
            keep=5,
            probe=False,
            pause="0.5" if loop.is_stubborn else "0.03",
            is_stubborn=loop.is_stubborn,
        )
        self.site: Site = self.scene.sites[0]
        self.play = Play(self.scene)
        for revision in (ONE, TWO)[: 2 if loop.command == "rollback" else 1]:
            assert not self.play.command(self.site, Wanted(command="deploy", revision=revision))
        self._folders = (self.site.box, self.scene.project)
        for folder in self._folders:
            shutil.copytree(folder, self._kept(folder), symlinks=True)

    def again(self) -> Play:
        """A play that begins where the ground was laid."""
        for folder in self._folders:
            shutil.rmtree(folder)
            shutil.copytree(self._kept(folder), folder, symlinks=True)
        fresh = Play(self.scene)
        model, known = fresh.models[self.site], self.play.models[self.site]
        model.releases = {name: release.copy() for name, release in known.releases.items()}
        model.live = known.live
        return fresh

    def journals(self) -> int:
        """How many deployments have begun."""
        return len(list(self.scene.root.glob("[ps]*/**/*.journal.jsonl")))

    def _kept(self, folder: Path) -> Path:
        return self.scene.root / "kept" / folder.relative_to(self.scene.root)


def kill_apart(loop: Loop, runs: int, seed: int) -> Tally:
    """Kill them in a world of this process's own."""
    with outside() as world:
        return kill(world, loop, runs=runs, seed=seed)


def kill(world: Outside, loop: Loop, *, runs: int, seed: int) -> Tally:
    """Kill that many runs."""
    ground, chance, tally = Ground(world, loop), random.Random(seed), Tally()
    try:
        whole = _duration(ground, loop)
        for number in range(runs):
            found = list(_once(ground, loop, number, chance.uniform(0.0, whole), tally))
            tally.runs += 1
            tally.problems += found
            for problem in found:
                say(f"{loop.name}, seed {seed}, run {number}: {problem}")
    finally:
        ground.scene.close()
    return tally


def _duration(ground: Ground, loop: Loop) -> float:
    """Seconds of a whole run, from the moment at which the kills begin to count."""
    began: list[float] = []
    journals = ground.journals()

    def has_begun() -> bool:
        if not loop.in_the_middle or ground.journals() > journals:
            began.append(time.monotonic())
        return bool(began)

    play = ground.again()
    play.command(ground.site, _first(loop), death=Timer(seconds=60.0, since=has_begun))
    return time.monotonic() - began[0]


def _first(loop: Loop) -> Wanted:
    return (
        Wanted(command="rollback") if loop.command == "rollback" else Wanted(command="deploy", revision=TWO)
    )


def _once(ground: Ground, loop: Loop, number: int, delay: float, tally: Tally) -> Iterator[str]:
    play, site = ground.again(), ground.site
    journals = ground.journals()
    timer = Timer(seconds=delay, since=lambda: not loop.in_the_middle or ground.journals() > journals)
    found = play.command(site, _first(loop), death=timer)
    tally.killed += "-> exit -9" in play.lines[-1]
    follower = _follower(loop, number)
    found += play.command(site, follower)
    tally.ends[play.lines[-1].partition("-> ")[2].partition(":")[0]] += 1
    found += _twice(site)
    if found:
        yield play.story(found)


def _follower(loop: Loop, number: int) -> Wanted:
    if loop.command == "rollback":
        return (Wanted(command="rollback"), Wanted(command="deploy", revision=THREE))[number % 2]
    same, other = (Wanted(command="deploy", revision=revision) for revision in (TWO, THREE))
    return (same, other, Wanted(command="rollback"))[number % 3]


def _twice(site: Site) -> Iterator[str]:
    """Steps that were finished twice without being undone in between."""
    ends: Counter[str] = Counter()
    for line in (site.box / "log").read_text().splitlines():
        if line.startswith("end undo"):
            ends.clear()
        elif line.startswith(("end run", "end migrate")):
            ends[line] += 1
            if ends[line] == 2:
                yield f"finished twice: {line.removeprefix('end ')[:20]}"
