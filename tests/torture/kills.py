"""SIGKILL at random moments of real programs, and the outcome of the next command.

Every run starts from the same files, is killed from outside, and is followed by one command:
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

from tests.model.episode import Call
from tests.model.outside import Outside, outside
from tests.model.play import Play
from tests.model.recipes import Kind
from tests.model.running import Timer
from tests.model.scene import Scene, Site
from tests.torture.lines import write_line

ONE, TWO, THREE = ("0" + digit * 39 for digit in "123")


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One kind of run that is killed many times."""

    kind: Kind
    command: str
    """The command that is killed: deploy or rollback."""
    is_stubborn: bool = False
    """True where the steps ignore SIGTERM."""
    in_the_middle: bool = False
    """True where the delay starts with the journal, so that every kill hits the transaction."""

    @property
    def name(self) -> str:
        """Name of the loop in the output."""
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
    """Results of a loop."""

    runs: int = 0
    killed: int = 0
    """Runs that were killed before they ended."""
    ends: Counter[str] = field(default_factory=Counter)
    """Number of follow-up commands by outcome."""
    problems: list[str] = field(default_factory=list)


class Baseline:
    """The files from which every run of a loop starts."""

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
            assert not self.play.command(self.site, Call(command="deploy", revision=revision))
        self._folders = (self.site.box, self.scene.project)
        for folder in self._folders:
            shutil.copytree(folder, self._kept(folder), symlinks=True)

    def restore(self) -> Play:
        """Restore the files, and return a new play of them."""
        for folder in self._folders:
            shutil.rmtree(folder)
            shutil.copytree(self._kept(folder), folder, symlinks=True)
        fresh = Play(self.scene)
        model, known = fresh.models[self.site], self.play.models[self.site]
        model.releases = {name: release.copy() for name, release in known.releases.items()}
        model.live = known.live
        return fresh

    def journals(self) -> int:
        """Return how many deployments have started."""
        return len(list(self.scene.root.glob("[ps]*/**/*.journal.jsonl")))

    def _kept(self, folder: Path) -> Path:
        return self.scene.root / "kept" / folder.relative_to(self.scene.root)


def kill_in_own_world(loop: Loop, runs: int, seed: int) -> Tally:
    """Run a loop with its own process for services and GitHub."""
    with outside() as world:
        return kill(world, loop, runs=runs, seed=seed)


def kill(world: Outside, loop: Loop, *, runs: int, seed: int) -> Tally:
    """Kill that many runs, and count what contradicts the model."""
    baseline, chance, tally = Baseline(world, loop), random.Random(seed), Tally()
    try:
        whole = _duration(baseline, loop)
        for number in range(runs):
            found = list(_once(baseline, loop, number, chance.uniform(0.0, whole), tally))
            tally.runs += 1
            tally.problems += found
            for problem in found:
                write_line(f"{loop.name}, seed {seed}, run {number}: {problem}")
    finally:
        baseline.scene.close()
    return tally


def _duration(baseline: Baseline, loop: Loop) -> float:
    """Return the seconds of a complete run, from the event that starts the delay."""
    began: list[float] = []
    journals = baseline.journals()

    def has_begun() -> bool:
        if not loop.in_the_middle or baseline.journals() > journals:
            began.append(time.monotonic())
        return bool(began)

    play = baseline.restore()
    play.command(baseline.site, _first(loop), kill=Timer(seconds=60.0, since=has_begun))
    return time.monotonic() - began[0]


def _first(loop: Loop) -> Call:
    return Call(command="rollback") if loop.command == "rollback" else Call(command="deploy", revision=TWO)


def _once(baseline: Baseline, loop: Loop, number: int, delay: float, tally: Tally) -> Iterator[str]:
    play, site = baseline.restore(), baseline.site
    journals = baseline.journals()
    timer = Timer(seconds=delay, since=lambda: not loop.in_the_middle or baseline.journals() > journals)
    found = play.command(site, _first(loop), kill=timer)
    tally.killed += "-> exit -9" in play.lines[-1]
    follower = _follower(loop, number)
    found += play.command(site, follower)
    tally.ends[play.lines[-1].partition("-> ")[2].partition(":")[0]] += 1
    found += _repeated_steps(site)
    if found:
        yield play.story(found)


def _follower(loop: Loop, number: int) -> Call:
    if loop.command == "rollback":
        return (Call(command="rollback"), Call(command="deploy", revision=THREE))[number % 2]
    same, other = (Call(command="deploy", revision=revision) for revision in (TWO, THREE))
    return (same, other, Call(command="rollback"))[number % 3]


def _repeated_steps(site: Site) -> Iterator[str]:
    """Yield each step that finished twice without an undo in between."""
    ends: Counter[str] = Counter()
    for line in (site.box / "log").read_text().splitlines():
        if line.startswith("end undo"):
            ends.clear()
        elif line.startswith(("end run", "end migrate")):
            ends[line] += 1
            if ends[line] == 2:
                yield f"finished twice: {line.removeprefix('end ')[:20]}"
