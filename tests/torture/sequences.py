"""Random sequences of the state machine, in batches with a seed each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.episode import Call
from tests.model.machine import Contradiction, Deployments
from tests.model.outside import Outside, outside
from tests.model.running import SelfSignal
from tests.torture.lines import write_line

STEPS = 10
"""Maximum number of commands and changes in a sequence, after up to three deployments that pass."""


@dataclass
class Tally:
    """Results of a batch."""

    sequences: int = 0
    commands: int = 0
    interrupted: int = 0
    """Commands that got a signal or an injected fault."""
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def play_in_own_world(sequences: int, start: int) -> Tally:
    """Run a batch with its own process for services and GitHub."""
    with outside() as world:
        tally = play(world, sequences=sequences, start=start)
    found = len(tally.problems)
    write_line(
        f"seed {start}: {tally.sequences} sequences, {tally.commands} commands: {found} contradictions"
    )
    return tally


def play(world: Outside, *, sequences: int, start: int) -> Tally:
    """Run that many sequences; a contradiction is printed, and ends its own sequence only."""
    tally = Tally()

    class Machine(Counted):
        """The machine of this batch."""

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
    """A machine that counts commands, and continues with the next sequence after a contradiction."""

    tally: ClassVar[Tally]
    start: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.is_over = False

    def play(
        self,
        place: int,
        call: Call,
        *,
        kill: SelfSignal | None = None,
        fault: str = "",
        github_fault: str = "",
    ) -> None:
        """Run and count one command."""
        if self.is_over:
            return
        self.tally.commands += 1
        self.tally.interrupted += kill is not None or bool(fault or github_fault)
        try:
            super().play(place, call, kill=kill, fault=fault, github_fault=github_fault)
        except Contradiction as problem:
            self.is_over = True
            self.tally.problems.append(str(problem))
            write_line(f"seed {self.start}: {problem}")
        self.tally.ends[self.session.lines[-1].partition("-> exit ")[2].partition(" ")[0]] += 1

    def teardown(self) -> None:
        """Count the sequence."""
        self.tally.sequences += 1
        super().teardown()
