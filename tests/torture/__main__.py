"""Many more sequences and kills than a test run has time for; figures of it are in docs/torture.md.

Usage: python -m tests.torture [--sequences 5000] [--runs 200] [--processes 2] [--seed N] [--only WORD]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.torture import kills, sequences
from tests.torture.kills import LOOPS, Loop
from tests.torture.saying import say

BATCH = 50
"""Sequences that are played with one seed, in a world of their own."""


def main(arguments: list[str] | None = None) -> int:
    """Run everything; 1 where anything contradicts the model."""
    if Path("/dev/shm").is_dir():  # files in memory: a sequence writes some hundred lines, each synchronized
        os.environ.setdefault("TMPDIR", "/dev/shm")
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--sequences", type=int, default=5000, help="Sequences of commands: 5000 (default).")
    parser.add_argument("--runs", type=int, default=200, help="Kills of each loop: 200 (default).")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="At once: one a core (default)."
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="Of the first; random (default)."
    )
    parser.add_argument("--only", default="", help="Only what has this word in its name.")
    options = parser.parse_args(arguments)
    say(f"seed {options.seed}")
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        played = _batches(pool, options) if options.only in "sequences" else []
        loops = [each for each in LOOPS if options.only in each.name]
        killed = [
            (each, pool.submit(kills.kill_apart, each, options.runs, options.seed + n))
            for n, each in enumerate(loops)
        ]
        problems = _sum_up([each.result() for each in played]) if played else 0
        problems += sum(_show(loop, future.result()) for loop, future in killed)
    say(f"{problems} contradictions in {time.monotonic() - began:.0f} s")
    return 1 if problems else 0


def _batches(pool: ProcessPoolExecutor, options: argparse.Namespace) -> list[Future[sequences.Tally]]:
    sizes = [min(BATCH, options.sequences - done) for done in range(0, options.sequences, BATCH)]
    return [
        pool.submit(sequences.play_apart, size, options.seed + number) for number, size in enumerate(sizes)
    ]


def _sum_up(tallies: list[sequences.Tally]) -> int:
    ends: Counter[str] = Counter()
    for each in tallies:
        ends += each.ends
    count = sum(each.sequences for each in tallies)
    commands, cut = sum(each.commands for each in tallies), sum(each.cut_off for each in tallies)
    problems = sum(len(each.problems) for each in tallies)
    say(
        f"{count} sequences, {commands} commands, {cut} of them cut off or disturbed: {problems} contradictions"
    )
    say(f"  exit codes: {', '.join(f'{code}: {number}' for code, number in sorted(ends.items()))}")
    return problems


def _show(loop: Loop, tally: kills.Tally) -> int:
    ends = ", ".join(f"{how.strip()}: {number}" for how, number in sorted(tally.ends.items()))
    say(f"kill {loop.name}: {tally.runs} runs, {tally.killed} killed: {len(tally.problems)} contradictions")
    say(f"  afterwards: {ends}")
    return len(tally.problems)


if __name__ == "__main__":
    sys.exit(main())
