"""The benchmarks as a command: what there is, how a table reads, how a run ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._row import Row, at_most, shown, table, times_faster
from tests.support.parts import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_of_the_folder_is_a_benchmark_with_a_sentence() -> None:
    done = run("--list")
    assert (done.returncode, done.stderr) == (0, "")
    listed = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    modules = {path.stem for path in Path(ROOT, "benchmarks").glob("[a-z]*.py")}
    assert set(listed) == {name.replace("_", "-") for name in modules}
    assert all(listed.values())


def test_an_unknown_name_is_a_usage_error_that_names_the_nearest() -> None:
    done = run("endpoint")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean endpoints?" in done.stderr


def test_a_row_says_whether_its_promise_is_kept() -> None:
    rows = [
        at_most("start", 0.2, 0.15, peer="nothing", theirs=0.1),
        times_faster("install", 0.5, 5, peer="pip", theirs=4.0),
        Row(what="told", ours=0.000_000_5),
    ]
    assert [row.is_kept for row in rows] == [False, True, True]
    assert table(rows).splitlines() == [
        "measured  ours    peer     theirs  ratio  promise",
        "start     200 ms  nothing  100 ms  2.00   ≤ 150 ms        BROKEN",
        "install   500 ms  pip      4 s     0.12   5 times faster  kept",
        "told      500 ns",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 ns"), (2e-9, "2 ns"), (1.5e-6, "1.5 µs"), (0.01, "10 ms"), (61.0, "61 s")]
)
def test_times_are_shown_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert shown(seconds) == text
