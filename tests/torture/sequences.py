"""Random sequences of the model's machine, as many as are wanted, each with a seed of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.episode import Wanted
from tests.model.machine import Contradiction, Deployments
from tests.model.outside import Outside, outside
from tests.model.running import Death
from tests.torture.saying import say

STEPS = 10
"""At most so many commands and mishaps in a sequence, after up to three good deployments."""


@dataclass
class Tally:
    """What came of the sequences."""

    sequences: int = 0
    commands: int = 0
    cut_off: int = 0
    """Commands that were sent a signal, or whose world was disturbed."""
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def play_apart(sequences: int, start: int) -> Tally:
    """Play them in a world of this process's own."""
    with outside() as world:
        tally = play(world, sequences=sequences, start=start)
    found = len(tally.problems)
    say(f"seed {start}: {tally.sequences} sequences, {tally.commands} commands: {found} contradictions")
    return tally


def play(world: Outside, *, sequences: int, start: int) -> Tally:
    """Play that many; a contradiction ends its sequence, and is said, but not the others."""
    tally = Tally()

    class Machine(Counted):
        """In this world."""

    Machine.outside, Machine.tally, Machine.start = world, tally, start
    how = settings(
        max_examples=sequences,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(start)(Machine), settings=how)
    return tally


class Counted(Deployments):
    """A machine that goes on with the next sequence after a contradiction."""

    tally: ClassVar[Tally]
    start: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.is_over = False

    def play(
        self, place: int, wanted: Wanted, *, death: Death | None = None, mishap: str = "", fault: str = ""
    ) -> None:
        """One command, counted."""
        if self.is_over:
            return
        self.tally.commands += 1
        self.tally.cut_off += death is not None or bool(mishap or fault)
        try:
            super().play(place, wanted, death=death, mishap=mishap, fault=fault)
        except Contradiction as problem:
            self.is_over = True
            self.tally.problems.append(str(problem))
            say(f"seed {self.start}: {problem}")
        self.tally.ends[self.the_play.lines[-1].partition("-> exit ")[2].partition(" ")[0]] += 1

    def teardown(self) -> None:
        """Count the sequence."""
        self.tally.sequences += 1
        super().teardown()
