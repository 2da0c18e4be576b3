"""One deployment at a time: who holds the lock, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.errors import Interrupted, LockHeld, UsageError
from ci_ops.core.ports.lease import Holder
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.lease import FileLease
from ci_ops.edge.process import RealProcess
from tests.support.waiting import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.edge.lease import HeldFileLease

SINCE = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LATER = SINCE + timedelta(minutes=3, seconds=5)


def take(folder: Path, *, holder: str = "run 42", since: datetime = SINCE, **more: str) -> HeldFileLease:
    return FileLease(folder).acquire(Holder(name=holder, since=since, **more))


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
    assert sorted(each.name for each in tmp_path.iterdir()) == ["deployment.lock", "deployment.token"]


def test_the_leases_of_two_environments_do_not_meet(tmp_path: Path) -> None:
    one, two = take(tmp_path / "staging"), take(tmp_path / "production")
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
from ci_ops.core.ports.lease import Holder
from ci_ops.edge.lease import FileLease

lease = FileLease(Path(sys.argv[1])).acquire(Holder(name="the other", since=datetime.now(UTC)))
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
        assert again.lock.path == lock.lock.path
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
        "from ci_ops.core.ports.lease import Holder\n"
        "from ci_ops.edge.lease import FileLease\n"
        "lease, limits = FileLease(Path(sys.argv[1])), resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))\n"
        "held = lease.acquire(Holder(name='x', since=datetime.now(UTC)))\n"
        "held.check()\n"
        "try:\n"
        "    lease.acquire(Holder(name='y', since=datetime.now(UTC)))\n"
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
        FileLease(tmp_path, stopped).acquire(Holder(since=SINCE))
    take(tmp_path).release()


def test_a_step_that_cannot_be_ended_in_time_is_named(
    tmp_path: Path, orphan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ci_ops.edge.lease.ENDING_SECONDS", 0.0)
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


def test_a_refusal_names_what_is_done_and_the_run(tmp_path: Path) -> None:
    url = "https://github.com/org/shop/actions/runs/7"
    held = take(tmp_path, holder="mona", why="deploy 2222222", run_url=url)
    with pytest.raises(LockHeld) as caught:
        take(tmp_path, since=LATER)
    held.release()
    assert caught.value.what == (
        f"the lock is held by mona (process {os.getpid()} on {os.uname().nodename}) to deploy 2222222"
        f" since 2026-11-22 08:00:00 UTC, for 3 m 05 s; its run: {url}"
    )
    assert caught.value.hint.startswith("Wait until it has finished or cancel its run or end that process")


@pytest.mark.parametrize(("seconds", "is_silent"), [(100.0, False), (1000.0, True)])
def test_a_holder_that_gives_no_sign_of_life_is_called_silent(
    tmp_path: Path, seconds: float, *, is_silent: bool
) -> None:
    held = take(tmp_path)
    past = time.time() - seconds
    os.utime(tmp_path / "deployment.lock", (past, past))
    with pytest.raises(LockHeld) as caught:
        take(tmp_path)
    assert ("it has given no sign of life for 16 m" in caught.value.what) is is_silent
    assert ("kill -CONT" in caught.value.hint) is is_silent
    held.renew()
    with pytest.raises(LockHeld) as caught:
        take(tmp_path)
    assert "no sign of life" not in caught.value.what
    held.release()


def test_the_lock_file_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    held = take(tmp_path)
    earlier = {"holder": "mona", "pid": os.getpid(), "host": "h", "since": SINCE.isoformat()}
    (tmp_path / "deployment.lock").write_text(json.dumps(earlier))
    os.utime(tmp_path / "deployment.lock", (0, 0))
    with pytest.raises(LockHeld) as caught:
        take(tmp_path)
    held.release()
    assert caught.value.what == (
        f"the lock is held by mona (process {os.getpid()} on h) since 2026-11-22 08:00:00 UTC, for 0 ms"
    )


def test_a_lease_whose_file_was_taken_away_is_not_renewed(tmp_path: Path) -> None:
    held = take(tmp_path)
    (tmp_path / "deployment.lock").unlink()
    with pytest.raises(LockHeld, match="removed or replaced"):
        held.renew()
    held.release()


@pytest.mark.parametrize("counter", [None, "", "not a number", "9" * 19, "-5"])
def test_every_holder_has_a_greater_token(tmp_path: Path, counter: str | None) -> None:
    first = take(tmp_path)
    first.release()
    if counter is not None:
        (tmp_path / "deployment.token").write_text(counter)
    tokens = [first.token]
    for _ in range(5):
        held = take(tmp_path)
        tokens.append(held.token)
        held.release()
    assert tokens[1:] == sorted(set(tokens[1:]))
    assert tokens[0] < tokens[1] or counter in {"", "not a number", "-5"}


def test_processes_that_take_turns_never_share_a_token(tmp_path: Path) -> None:
    script = HOLDING.replace('print("held", flush=True)\nsys.stdin.read()', "print(lease.token)")
    tokens = [
        int(
            subprocess.run(
                [sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=True
            ).stdout
        )
        for _ in range(3)
    ]
    assert tokens == sorted(set(tokens))


def test_a_link_in_the_place_of_the_counter_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.write_text("precious")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "deployment.token").symlink_to(outside)
    with pytest.raises(UsageError, match="links are not followed"):
        take(tmp_path / "state")
    assert outside.read_text() == "precious"
    (tmp_path / "state" / "deployment.token").unlink()
    take(tmp_path / "state").release()
