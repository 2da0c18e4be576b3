"""Thousands of sequences and kills, compared with the model; docs/torture.md has the results.

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
from tests.torture.lines import write_line

BATCH = 50
"""Sequences of one seed, which share one process for services and GitHub."""


def main(arguments: list[str] | None = None) -> int:
    """Run sequences and kill loops; return 1 where an outcome contradicts the model."""
    if Path("/dev/shm").is_dir():  # in memory: a sequence writes some hundred lines, each with an fsync
        os.environ.setdefault("TMPDIR", "/dev/shm")
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--sequences", type=int, default=5000, help="Number of sequences: 5000 (default).")
    parser.add_argument("--runs", type=int, default=200, help="Runs of each kill loop: 200 (default).")
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="Parallel processes: one per core (default).",
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="Seed of the first batch; random (default)."
    )
    parser.add_argument(
        "--only",
        default="",
        help="Run only parts with this text in their name, e.g. sequences.",
    )
    options = parser.parse_args(arguments)
    write_line(f"seed {options.seed}")
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        played = _batches(pool, options) if options.only in "sequences" else []
        loops = [each for each in LOOPS if options.only in each.name]
        killed = [
            (each, pool.submit(kills.kill_in_own_world, each, options.runs, options.seed + n))
            for n, each in enumerate(loops)
        ]
        problems = _sum_up([each.result() for each in played]) if played else 0
        problems += sum(_show(loop, future.result()) for loop, future in killed)
    write_line(f"{problems} contradictions in {time.monotonic() - began:.0f} s")
    return 1 if problems else 0


def _batches(pool: ProcessPoolExecutor, options: argparse.Namespace) -> list[Future[sequences.Tally]]:
    sizes = [min(BATCH, options.sequences - done) for done in range(0, options.sequences, BATCH)]
    return [
        pool.submit(sequences.play_in_own_world, size, options.seed + number)
        for number, size in enumerate(sizes)
    ]


def _sum_up(tallies: list[sequences.Tally]) -> int:
    ends: Counter[str] = Counter()
    for each in tallies:
        ends += each.ends
    count = sum(each.sequences for each in tallies)
    commands, interrupted = sum(each.commands for each in tallies), sum(each.interrupted for each in tallies)
    problems = sum(len(each.problems) for each in tallies)
    write_line(
        f"{count} sequences, {commands} commands, {interrupted} with a signal or a fault: {problems} contradictions"
    )
    write_line(f"  exit codes: {', '.join(f'{code}: {number}' for code, number in sorted(ends.items()))}")
    return problems


def _show(loop: Loop, tally: kills.Tally) -> int:
    ends = ", ".join(f"{how.strip()}: {number}" for how, number in sorted(tally.ends.items()))
    write_line(
        f"kill {loop.name}: {tally.runs} runs, {tally.killed} killed: {len(tally.problems)} contradictions"
    )
    write_line(f"  afterwards: {ends}")
    return len(tally.problems)


if __name__ == "__main__":
    sys.exit(main())
