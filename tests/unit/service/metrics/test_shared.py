"""Several processes count together: real children, killed, folded and restarted."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ci_ops.service.metrics import shared_folder
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.names import OVERFLOW
from ci_ops.service.metrics.shared import CHUNK_CELLS, SharedFiles

_WORKER = """
import sys
from pathlib import Path
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.shared import SharedFiles
metrics = MetricsCollector(storage=SharedFiles(Path(sys.argv[1])))
metrics.counter("hits", "Hits.", labels=("who",)).labels(sys.argv[2]).inc(float(sys.argv[3]))
metrics.counter("hits", labels=("who",)).labels("all").inc()
metrics.histogram("seconds", "Time.", buckets=(1.0,)).observe(0.5)
metrics.gauge("going", "Now.").set(1)
metrics.gauge("depth", "Deepest.", merge="max").set(float(sys.argv[3]))
metrics.gauge("room", "Least.", merge="min").set(float(sys.argv[3]))
print("counted", flush=True)
for line in sys.stdin:
    print(repr(str(metrics.render())) if line.strip() == "render" else "?", flush=True)
"""


class Worker:
    """A process that counts and then waits."""

    def __init__(self, folder: Path, who: str, amount: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(folder), who, str(amount)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "counted\n"

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, float], Worker]]:
    started: list[Worker] = []

    def make(who: str, amount: float) -> Worker:
        started.append(Worker(tmp_path, who, amount))
        return started[-1]

    yield make
    for worker in started:
        if worker.process.poll() is None:
            worker.end()


def _shown(metrics: MetricsCollector) -> dict[str, Any]:
    snapshot = metrics.get_metrics_snapshot()
    return {
        name: {tuple(one["labels"].values()): one.get("value", one.get("count")) for one in series}
        for kind in snapshot.values()
        for name, series in kind.items()
    }


def test_every_process_sees_what_all_of_them_counted(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    start("a", 2), start("b", 3)
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.counter("hits", "Hits.", labels=("who",)).labels("me").inc(4)

    assert _shown(metrics) == {
        "hits_total": {("me",): 4, ("a",): 2, ("b",): 3, ("all",): 2},
        "seconds": {(): 2},
        "going": {(): 2},
        "depth": {(): 3},
        "room": {(): 2},
    }


def test_killed_processes_leave_their_counters_and_take_their_gauges_along(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.counter("hits", "Hits.", labels=("who",)).labels("me").inc()
    workers = [start("a", 1) for _ in range(3)]
    for worker in workers:
        worker.end()

    for _ in range(3):
        assert _shown(metrics) == {"hits_total": {("me",): 1, ("a",): 3, ("all",): 3}, "seconds": {(): 3}}
    assert len(list(tmp_path.glob("*.cells"))) == 1
    later = start("a", 5)
    assert _shown(metrics)["hits_total"]["a",] == 8
    later.end()
    assert _shown(metrics)["hits_total"]["a",] == 8


def test_a_crash_while_folding_counts_nothing_twice(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.gauge("mine")
    start("a", 1).end()
    kept = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in {".cells", ".index"}}
    assert _shown(metrics)["hits_total"]["a",] == 1
    for path, content in kept.items():
        if not path.exists():
            path.write_bytes(content)  # as if it had been interrupted before it deleted them

    assert _shown(metrics)["hits_total"]["a",] == 1
    start("a", 1).end()
    assert _shown(metrics)["hits_total"]["a",] == 2
    assert len(list(tmp_path.glob("*.cells"))) == 1


def test_where_nobody_lives_everything_begins_at_zero(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    start("a", 7).end()
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.counter("hits", "Hits.", labels=("who",)).labels("me").inc()

    assert _shown(metrics) == {"hits_total": {("me",): 1}}


def test_what_one_process_has_shown_never_shrinks_while_others_end(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.gauge("mine")
    seen = [0.0]
    for number in range(4):
        worker = start("a", 1)
        seen.append(_shown(metrics)["hits_total"]["all",])
        worker.end(signal.SIGTERM if number % 2 else signal.SIGKILL)
        seen.append(_shown(metrics)["hits_total"]["all",])

    assert seen == sorted(seen)
    assert seen[-1] == 4


def test_two_scrapers_at_once_fold_each_process_once(
    tmp_path: Path, start: Callable[[str, float], Worker]
) -> None:
    first, second = start("x", 1), start("y", 1)
    for _ in range(5):
        start("a", 1).end()
    for worker in (first, second):
        assert worker.process.stdin is not None
        worker.process.stdin.write("render\n")
        worker.process.stdin.flush()
    texts = [worker.process.stdout.readline() for worker in (first, second)]  # type: ignore[union-attr]

    assert all('hits_total{who="a"} 5.0' in text for text in texts)


def test_a_forked_child_has_a_file_of_its_own(tmp_path: Path) -> None:
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    hits = metrics.counter("hits")
    hits.inc(5)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        hits.inc(2)
        os.write(writer, b"x")
        signal.pause()
    os.read(reader, 1)

    assert _shown(metrics) == {"hits_total": {(): 7}}
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    hits.inc()
    assert _shown(metrics) == {"hits_total": {(): 8}}


def test_after_a_fork_the_files_of_the_parent_are_left_alone(tmp_path: Path) -> None:
    watching = MetricsCollector(storage=SharedFiles(tmp_path))
    watching.gauge("mine")
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    hits = metrics.counter("hits")
    hits.inc(5)
    before = set(tmp_path.glob("*.cells"))
    metrics.after_fork()
    hits.inc(2)

    assert hits.labels().values == (2.0,)
    assert len(set(tmp_path.glob("*.cells")) - before) == 1
    # Nobody holds the first file here any more, so its counters are taken over.
    assert _shown(watching)["hits_total"] == {(): 7}


def test_more_series_than_a_chunk_holds_are_no_limit(tmp_path: Path) -> None:
    metrics = MetricsCollector(storage=SharedFiles(tmp_path), max_series=2000)
    histogram = metrics.histogram("seconds", labels=("who",))
    for number in range(CHUNK_CELLS // 10):
        histogram.labels(str(number)).observe(number)
    other = MetricsCollector(storage=SharedFiles(tmp_path))
    other.gauge("mine")

    series = _shown(other)["seconds"]
    assert len(series) == CHUNK_CELLS // 10
    assert set(series.values()) == {1}


def test_a_file_that_cannot_be_read_is_left_out(
    tmp_path: Path, start: Callable[[str, float], Worker], caplog: pytest.LogCaptureFixture
) -> None:
    worker = start("a", 1)
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.gauge("mine")
    (index,) = (path for path in tmp_path.glob("*.index") if path.name.startswith(f"{worker.process.pid}-"))
    with index.open("a") as file:
        file.write(
            '{"name": "x"}\n["hits_total", ["b", "c"], 0]\n["hits_total", ["far"], 99999999]\n["nobody", [], 0]\n["ha'
        )

    assert _shown(metrics)["hits_total"] == {("a",): 1, ("all",): 1}
    assert "a line cannot be read" in caplog.text
    index.unlink()
    assert "hits_total" not in _shown(metrics)
    (tmp_path / "broken-1.cells").write_bytes(b"123")
    (tmp_path / "broken-1.index").write_bytes(b"")
    (tmp_path / "folded.json").write_text("[1]")
    assert _shown(metrics) == {"mine": {(): 0}}


def test_metrics_that_differ_between_releases_do_not_mix(tmp_path: Path) -> None:
    older = MetricsCollector(storage=SharedFiles(tmp_path))
    older.histogram("seconds", "Time.", buckets=(1.0,)).observe(0.5)
    newer = MetricsCollector(storage=SharedFiles(tmp_path))
    newer.histogram("seconds", "Time.", buckets=(1.0, 2.0)).observe(0.5)

    assert _shown(newer)["seconds"] == {(): 1}
    assert _shown(older)["seconds"] == {(): 1}


def test_what_is_kept_of_ended_processes_is_bounded(
    tmp_path: Path, start: Callable[[str, float], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_folder, "MAX_FOLDED_SERIES", 3)
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.gauge("mine")
    for number in range(5):
        start(f"w{number}", 1).end()

    series = _shown(metrics)["hits_total"]
    assert len(series) == 4
    assert series[OVERFLOW,] + sum(count for labels, count in series.items() if labels != (OVERFLOW,)) == 10


def test_without_a_place_to_write_a_process_counts_for_itself_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    metrics = MetricsCollector(storage=SharedFiles(taken))
    metrics.counter("hits").inc()
    metrics.counter("misses").inc()

    assert _shown(metrics) == {"hits_total": {(): 1}, "misses_total": {(): 1}}
    assert caplog.text.count("metrics are not shared") == 1


def test_a_file_that_somebody_deletes_meanwhile_is_held_by_nobody(tmp_path: Path) -> None:
    assert not shared_folder._is_held(tmp_path / "gone.cells")


def test_a_process_that_is_stopped_while_it_looks_after_the_folder_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_folder, "MAX_WAIT_SECONDS", 0.05)
    metrics = MetricsCollector(storage=SharedFiles(tmp_path))
    metrics.counter("hits").inc()
    with (tmp_path / ".lock").open() as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        metrics.counter("hits").inc()
        with pytest.raises(TimeoutError, match="does not let it go"):
            metrics.render()
        newcomer = MetricsCollector(storage=SharedFiles(tmp_path))
        newcomer.counter("hits").inc()

    assert "hits_total 2.0" in metrics.render()
    assert caplog.text.count("metrics are not shared") == 1


def test_where_files_cannot_be_locked_sharing_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_folder, "fcntl", None)
    with pytest.raises(RuntimeError, match="cannot be shared"):
        SharedFiles(tmp_path)


def test_the_environment_names_the_folder(tmp_path: Path) -> None:
    program = "from ci_ops.service import metrics_collector as m\nm.counter('hits').inc()\nprint(m.render())"
    folder = tmp_path / "made" / "here"
    env = {**os.environ, "CI_OPS_METRICS_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )

    assert "hits_total 1.0" in done.stdout
    assert len(list(folder.glob("*.cells"))) == 1
    assert folder.stat().st_mode & 0o077 == 0
    assert json.loads((next(folder.glob("*.index"))).read_text().splitlines()[0])["name"] == "hits_total"
