"""One deployment at a time: who holds the lock, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.errors import Interrupted, LockHeld, UsageError
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import RealProcess
from ci_ops.edge.store import LocalStore
from tests.support.waiting import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.edge.lock import FileLock

SINCE = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LATER = SINCE + timedelta(minutes=3, seconds=5)


def take(folder: Path, *, holder: str = "run 42", since: datetime = SINCE) -> FileLock:
    return LocalStore(folder).acquire("deployment", holder=holder, since=since)


def test_a_second_claim_is_refused_with_holder_time_and_way_out(tmp_path: Path) -> None:
    lock = take(tmp_path, holder="run 42 by kim\x1b[31m")
    with pytest.raises(LockHeld) as caught:
        take(tmp_path, since=LATER)
    lock.release()
    assert caught.value.exit_code == 7
    assert caught.value.what == (
        f"the lock is held by run 42 by kim [31m (process {os.getpid()} on {os.uname().nodename})"
        " since 2026-11-22 08:00:00 UTC, for 3 m 05 s"
    )
    assert caught.value.where == str(tmp_path / "deployment.lock")
    assert f"`kill {os.getpid()}`" in caught.value.hint


def test_a_lock_can_be_taken_again_once_it_was_released(tmp_path: Path) -> None:
    first = take(tmp_path)
    first.check()
    first.release()
    first.release()
    second = take(tmp_path)
    second.check()
    with pytest.raises(LockHeld, match="taken away"):
        first.check()
    second.release()
    assert LocalStore(tmp_path).names("") == ("deployment.lock",)


def test_locks_of_different_names_do_not_meet(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    one = store.acquire("a", holder="", since=SINCE)
    two = store.acquire("b.lock", holder="", since=SINCE)
    assert store.names(".lock") == ("a.lock", "b.lock")
    one.release()
    two.release()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"pid": 1}', '{"holder": 1, "pid": "x"}'])
def test_a_holder_that_cannot_be_read_is_refused_all_the_same(tmp_path: Path, content: str) -> None:
    lock = take(tmp_path)
    (tmp_path / "deployment.lock").write_text(content)
    with pytest.raises(LockHeld, match="the lock is held by another process"):
        take(tmp_path)
    lock.release()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_lock_whose_file_was_taken_away_is_no_longer_ours(tmp_path: Path, replaced: bool) -> None:
    lock = take(tmp_path)
    (tmp_path / "deployment.lock").unlink()
    if replaced:
        take(tmp_path).release()
    with pytest.raises(LockHeld, match="removed or replaced"):
        lock.check()
    lock.release()


HOLDING = """
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from ci_ops.edge.store import LocalStore

lock = LocalStore(Path(sys.argv[1])).acquire("deployment", holder="the other", since=datetime.now(UTC))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_process_that_was_killed_is_free_at_once(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockHeld, match=rf"held by the other \(process {other.pid} on "):
            take(tmp_path)
        other.send_signal(number)
        other.wait()
        take(tmp_path).release()


def test_a_server_that_a_deployment_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = take(tmp_path)
    process = RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor())
    done = process.run("sleep 100 >/dev/null 2>&1 & echo $!", timeout_seconds=9)
    try:
        lock.release()
        again = take(tmp_path)
        assert again.path == lock.path
        again.release()
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_of_many_claims_at_the_same_time_one_wins(tmp_path: Path) -> None:
    others = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(4)
    ]
    losers: list[subprocess.Popen[str]] = []
    while len(losers) < 3:
        losers = [other for other in others if other.poll() is not None]
    [winner] = [other for other in others if other not in losers]
    answers = [other.communicate("")[0] for other in others]
    assert sorted(answers) == ["", "", "", "held\n"]
    assert winner.returncode == 0


def test_a_place_that_cannot_hold_a_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be used"):
        take(tmp_path / "file" / "state")


def test_a_lock_file_that_may_not_be_written_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "deployment.lock").mkdir()
    with pytest.raises(UsageError, match="cannot be used: Is a directory"):
        take(tmp_path)


def test_a_full_disk_takes_the_holder_from_the_message_but_not_the_lock(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from ci_ops.core.errors import LockHeld\n"
        "from ci_ops.edge.store import LocalStore\n"
        "store, limits = LocalStore(Path(sys.argv[1])), resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))\n"
        "store.acquire('deployment', holder='x', since=datetime.now(UTC)).check()\n"
        "try:\n"
        "    store.acquire('deployment', holder='y', since=datetime.now(UTC))\n"
        "except LockHeld as error:\n"
        "    print(error.what)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "the lock is held by another process\n"


WORKING = HOLDING.replace(
    "sys.stdin.read()",
    """
import os
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import RealProcess

step = "trap '' TERM; echo $$; sleep 100"
RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor()).run(
    step, timeout_seconds=99, on_line=lambda line: print(line, flush=True)
)""",
)


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[int]:
    """The process of a step that ignores TERM, whose run has just been killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "held\n"
        step = int(run.stdout.readline())
        run.kill()
        run.wait()
    yield step
    assert not is_alive(step)


def test_the_lock_of_a_killed_run_is_free_when_its_step_has_ended(tmp_path: Path, orphan: int) -> None:
    lock = take(tmp_path)
    assert not is_alive(orphan)
    lock.release()


def test_a_stop_ends_the_wait_for_the_step_of_a_killed_run(tmp_path: Path, orphan: int) -> None:
    def stopped(_: float) -> None:
        raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted):
        LocalStore(tmp_path, stopped).acquire("deployment", holder="", since=SINCE)
    take(tmp_path).release()


def test_a_step_that_cannot_be_ended_in_time_is_named(
    tmp_path: Path, orphan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ci_ops.edge.lock.ENDING_SECONDS", 0.0)
        with pytest.raises(LockHeld, match=r"held by the last step of a run that was killed \(the other"):
            take(tmp_path)
    take(tmp_path).release()


def test_somebody_who_keeps_removing_the_file_causes_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "deployment.lock"
    finished = threading.Event()

    def remove() -> None:
        while not finished.is_set():
            file.unlink(missing_ok=True)

    removing = threading.Thread(target=remove)
    removing.start()
    for _ in range(300):
        take(tmp_path).release()
    finished.set()
    removing.join()
    take(tmp_path).release()
    assert file.read_bytes() == b""
