"""Child programs: how they end, what is kept of what they say, and that they always end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import TERM_SECONDS, RealProcess
from tests.support.waiting import is_alive, wait_until

PYTHON = sys.executable
AMPLE_SECONDS = 30.0


def make(*secrets: str, stop: StopSignal | None = None) -> RealProcess:
    return RealProcess(env=os.environ, stop=stop or StopSignal(), redact=Redactor(secrets))


def pid_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


def test_a_command_line_goes_to_the_shell_and_its_exit_code_comes_back() -> None:
    done = make().run("echo out; echo err >&2; exit 3", timeout_seconds=AMPLE_SECONDS)
    assert done.exit_code == 3
    assert sorted(done.output.splitlines()) == ["err", "out"]
    assert done.stdout == "out\n"
    assert (done.timed_out, done.interrupted, done.truncated) == (False, False, False)
    assert 0 < done.seconds < AMPLE_SECONDS


def test_a_sequence_reaches_the_program_without_a_shell() -> None:
    done = make().run(["printf", "%s|", "$(id)", "a b"], timeout_seconds=AMPLE_SECONDS)
    assert (done.exit_code, done.stdout) == (0, "$(id)|a b|")


def test_a_program_ended_by_a_signal_has_its_negative_number() -> None:
    assert make().run("kill -9 $$", timeout_seconds=AMPLE_SECONDS).exit_code == -signal.SIGKILL


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-program-at-all"], 127, "program not found: no-such-program-at-all"),
        ("no-such-program-at-all", 127, "not found"),
        (["/"], 126, "cannot start /: Permission denied"),
        (["true", "x" * 3_000_000], 126, "cannot start true: Argument list too long"),
    ],
)
def test_a_program_that_cannot_be_started_gives_the_shells_code_and_says_why(
    command: str | list[str], code: int, said: str
) -> None:
    done = make().run(command, timeout_seconds=AMPLE_SECONDS)
    assert done.exit_code == code
    assert said in done.output


def test_a_missing_folder_is_named_instead_of_the_program(tmp_path: Path) -> None:
    done = make().run("true", timeout_seconds=AMPLE_SECONDS, directory=tmp_path / "none")
    assert (done.exit_code, done.output) == (
        127,
        f"cannot start the shell: there is no folder {tmp_path / 'none'}\n",
    )


def test_the_environment_is_the_base_or_exactly_what_was_given(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "LANG": "C", "A_SECRET": "ours"}
    process = RealProcess(env=env, stop=StopSignal(), redact=Redactor())
    shown = process.run("echo $LANG $A_SECRET; pwd", timeout_seconds=AMPLE_SECONDS, directory=tmp_path).stdout
    assert shown == f"C\n{tmp_path}\n"
    given = process.run(
        ["/usr/bin/env"], timeout_seconds=AMPLE_SECONDS, env={"B": "given"}, directory=tmp_path
    )
    assert given.stdout == "B=given\n"


def test_stdin_is_closed_so_that_nothing_waits_for_a_person() -> None:
    assert make().run("cat; read answer || echo nobody", timeout_seconds=AMPLE_SECONDS).stdout == "nobody\n"


def test_the_child_has_a_session_and_group_of_its_own() -> None:
    done = make().run(
        [PYTHON, "-c", "import os; print(os.getpid(), os.getsid(0), os.getpgid(0))"],
        timeout_seconds=AMPLE_SECONDS,
    )
    numbers = set(done.stdout.split())
    assert len(numbers) == 1
    assert str(os.getsid(0)) not in numbers


def test_secrets_are_hidden_in_output_stdout_and_lines() -> None:
    lines: list[str] = []
    done = make("hunter2-hunter2").run(
        "echo got hunter2-hunter2; echo db postgres://u:p4ss@host/db >&2",
        timeout_seconds=AMPLE_SECONDS,
        on_line=lines.append,
    )
    assert done.stdout == "got ***\n"
    assert sorted(done.output.splitlines()) == ["db postgres://u:***@host/db", "got ***"]
    assert sorted(lines) == ["db postgres://u:***@host/db", "got ***"]


def test_a_secret_that_the_cut_falls_into_leaves_no_piece_behind() -> None:
    secret = "".join(f"{number:04d}" for number in range(16))
    for kept in range(1, 200, 7):
        done = make(secret).run(["printf", "%s", (secret + "-") * 200], timeout_seconds=9, max_output=kept)
        assert done.truncated
        assert set(done.output) <= {"*", "-"}
        assert len(done.output) <= kept


def test_the_tail_of_a_long_output_is_kept_in_little_memory() -> None:
    script = (
        "import resource, os\n"
        "from ci_ops.core.text.redact import Redactor\n"
        "from ci_ops.edge.clock import StopSignal\n"
        "from ci_ops.edge.process import RealProcess\n"
        "process = RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor())\n"
        "process.run('true', timeout_seconds=9)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "done = process.run('head -c 50000000 /dev/zero | tr \"\\\\0\" x; echo end', timeout_seconds=60)\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(done.exit_code, len(done.output), done.output[-5:].strip(), done.truncated, grown < 20_000)\n"
    )
    done = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, timeout=90, check=False)
    assert (done.stdout, done.stderr) == ("0 65536 xend True True\n", "")


def test_lines_come_one_by_one_in_the_callers_thread_and_an_unfinished_last_one_too() -> None:
    seen: list[tuple[str, int]] = []
    make().run(
        "printf 'one\\r\\ntwo\\n\\nthr'; printf 'ee'",
        timeout_seconds=AMPLE_SECONDS,
        on_line=lambda line: seen.append((line, threading.get_ident())),
    )
    assert [line for line, _ in seen] == ["one", "two", "", "three"]
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_a_line_without_end_is_cut_visibly_and_shows_no_part_of_a_secret() -> None:
    secret = "s3cr3t-" * 4
    lines: list[str] = []
    make(secret).run(
        [PYTHON, "-c", f"print('x' * 16000 + {secret!r} * 40000); print('next')"],
        timeout_seconds=AMPLE_SECONDS,
        on_line=lines.append,
    )
    assert len(lines) == 2
    assert lines[0].endswith("…")
    assert len(lines[0]) <= 20 * 1024
    assert "s3cr3t" not in lines[0]
    assert lines[1] == "next"


def test_an_error_of_whoever_reads_the_lines_ends_the_child(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="first"):
        make().run(f"echo $$ > {tmp_path}/pid; echo first; exec sleep 100", timeout_seconds=9, on_line=refuse)
    pid = pid_in(tmp_path / "pid")
    wait_until(lambda: not is_alive(pid))


def test_what_cannot_be_decoded_is_replaced() -> None:
    assert make().run(["printf", r"a\377b"], timeout_seconds=9).stdout == "a\ufffdb"


@pytest.mark.parametrize("left", ["sleep 100 &", "(trap '' TERM HUP; sleep 100) &", "setsid sleep 100 &"])
def test_a_program_left_running_does_not_hold_us_up_and_stays(tmp_path: Path, left: str) -> None:
    command = f"{left}\necho $! > {tmp_path}/pid; echo started"
    started = time.monotonic()
    done = make().run(command, timeout_seconds=AMPLE_SECONDS)
    assert time.monotonic() - started < 5
    assert (done.exit_code, done.stdout) == (0, "started\n")
    pid = pid_in(tmp_path / "pid")
    try:
        assert is_alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_program_left_running_that_talks_all_the_time_does_not_hold_us_up(tmp_path: Path) -> None:
    command = f"(exec yes) & echo $! > {tmp_path}/pid"
    started = time.monotonic()
    done = make().run(command, timeout_seconds=AMPLE_SECONDS)
    try:
        assert time.monotonic() - started < 5
        assert done.exit_code == 0
    finally:
        os.kill(pid_in(tmp_path / "pid"), signal.SIGKILL)


def test_a_child_that_closes_its_streams_is_still_waited_for() -> None:
    done = make().run("exec >&- 2>&-; sleep 0.2; exit 5", timeout_seconds=AMPLE_SECONDS)
    assert done.exit_code == 5
    assert done.seconds >= 0.2


def test_at_the_time_limit_the_whole_group_is_asked_to_end(tmp_path: Path) -> None:
    command = f"sleep 100 & echo $! > {tmp_path}/pid; trap 'echo bye; exit 9' TERM; wait"
    started = time.monotonic()
    done = make().run(command, timeout_seconds=0.3)
    assert 0.3 <= time.monotonic() - started < TERM_SECONDS
    assert (done.exit_code, done.timed_out, done.interrupted) == (9, True, False)
    assert done.stdout == "bye\n"
    assert not is_alive(pid_in(tmp_path / "pid"))


def test_what_does_not_end_by_itself_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    command = f"trap '' TERM; (sleep 100) & echo $! > {tmp_path}/pid; sleep 100"
    started = time.monotonic()
    done = make().run(command, timeout_seconds=0.2)
    assert TERM_SECONDS <= time.monotonic() - started < TERM_SECONDS + 3
    assert (done.exit_code, done.timed_out) == (-signal.SIGKILL, True)
    assert not is_alive(pid_in(tmp_path / "pid"))


def test_a_grandchild_gets_the_grace_time_although_the_child_has_gone(tmp_path: Path) -> None:
    cleaning = f"trap 'sleep 0.5; echo clean > {tmp_path}/trace; exit' TERM; echo $$ > {tmp_path}/pid"
    done = make().run(
        f'sh -c "{cleaning}; while :; do sleep 0.05; done" >/dev/null 2>&1 & wait', timeout_seconds=0.4
    )
    assert done.timed_out
    assert (tmp_path / "trace").read_text() == "clean\n"
    assert not is_alive(pid_in(tmp_path / "pid"))


def test_a_stop_request_ends_the_child_within_a_blink(tmp_path: Path) -> None:
    stop = StopSignal()
    times: list[float] = []

    def ask() -> None:
        wait_until((tmp_path / "ready").exists)
        times.append(time.monotonic())
        stop.request(signal.SIGINT)

    asking = threading.Thread(target=ask)
    asking.start()
    done = make(stop=stop).run(f"touch {tmp_path}/ready; exec sleep 100", timeout_seconds=AMPLE_SECONDS)
    reaction = time.monotonic() - times[0]
    asking.join()
    assert (done.exit_code, done.interrupted, done.timed_out) == (-signal.SIGTERM, True, False)
    assert reaction < 1.0


def test_after_a_stop_request_nothing_is_started(tmp_path: Path) -> None:
    stop = StopSignal()
    stop.request(signal.SIGTERM)
    done = make(stop=stop).run(f"touch {tmp_path}/trace", timeout_seconds=AMPLE_SECONDS)
    assert (done.exit_code, done.interrupted, done.seconds) == (-signal.SIGTERM, True, 0.0)
    assert not (tmp_path / "trace").exists()


def test_waiting_for_a_child_costs_no_processor_time() -> None:
    process = make()
    used = time.thread_time()
    process.run(["sleep", "1"], timeout_seconds=AMPLE_SECONDS)
    assert time.thread_time() - used < 0.1


def test_many_threads_run_programs_at_the_same_time() -> None:
    process = make()
    answers: list[str] = []

    def run(number: int) -> None:
        answers.extend(
            process.run(["echo", f"{number}-{turn}"], timeout_seconds=AMPLE_SECONDS).stdout
            for turn in range(10)
        )

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(f"{number}-{turn}\n" for number in range(8) for turn in range(10))


KILLED = """
import os, sys
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import RealProcess

process = RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor())
process.run("exit 0", timeout_seconds=9)
process.run("sleep 100 & echo $! $$; wait", timeout_seconds=99, on_line=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_when_we_are_killed_the_child_and_its_children_end(number: int) -> None:
    with subprocess.Popen([PYTHON, "-c", KILLED], stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        children = [int(pid) for pid in ours.stdout.readline().split()]
        assert [is_alive(pid) for pid in children] == [True, True]
        ours.send_signal(number)
    wait_until(lambda: not any(map(is_alive, children)))


LEFT = """
import os, sys
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.process import RealProcess

process = RealProcess(env=os.environ, stop=StopSignal(), redact=Redactor())
process.run(f"sleep 100 >/dev/null 2>&1 & echo $! > {sys.argv[1]}/server", timeout_seconds=9)
print(process._guard._shell.popen.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_server_that_a_finished_command_started_outlives_our_violent_end(tmp_path: Path) -> None:
    ours = subprocess.run(
        [PYTHON, "-c", LEFT, str(tmp_path)], check=False, timeout=30, stdout=subprocess.PIPE, text=True
    )
    assert ours.returncode == -signal.SIGKILL
    server = pid_in(tmp_path / "server")
    try:
        wait_until(lambda: not is_alive(int(ours.stdout)))
        assert is_alive(server)
    finally:
        os.kill(server, signal.SIGKILL)


UNTOLD = """
import os, sys
from pathlib import Path
from ci_ops.edge.child import Child
from ci_ops.edge.orphans import OrphanGuard

command = f"echo $$ > {sys.argv[1]}/step; sleep 100"
guard = OrphanGuard().current()
child = Child.start(command, env=os.environ, directory=None, announce_to=guard.descriptor)
while not Path(sys.argv[1], "step").exists():
    pass
os.kill(os.getpid(), 9)
"""


def test_a_command_that_we_had_no_time_to_enter_ends_with_us_too(tmp_path: Path) -> None:
    ours = subprocess.run([PYTHON, "-c", UNTOLD, str(tmp_path)], check=False, timeout=60)
    assert ours.returncode == -signal.SIGKILL
    step = pid_in(tmp_path / "step")
    wait_until(lambda: not is_alive(step))


def guard_of(process: RealProcess) -> subprocess.Popen[bytes]:
    shell = process._guard._shell
    assert shell is not None
    assert shell.popen is not None
    return shell.popen


def test_a_guard_that_somebody_killed_is_not_missed() -> None:
    process = make()
    process.run("true", timeout_seconds=AMPLE_SECONDS)
    shell = guard_of(process)
    shell.kill()
    shell.wait()
    assert process.run("echo still here", timeout_seconds=AMPLE_SECONDS).stdout == "still here\n"


def test_the_guard_goes_with_its_owner() -> None:
    process = make()
    process.run("true", timeout_seconds=AMPLE_SECONDS)
    shell = guard_of(process)
    assert is_alive(shell.pid)
    del process
    wait_until(lambda: shell.returncode is not None)
    assert shell.returncode == 0
