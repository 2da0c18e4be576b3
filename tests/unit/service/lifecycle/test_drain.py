"""SIGTERM in processes of its own: held back, passed on, and never passed on twice."""

import signal
import subprocess
import sys
import threading

import pytest

from ci_ops.service.lifecycle.drain import SignalDrain

_START = """
import os, select, signal, sys, threading, time
from ci_ops.service.lifecycle.drain import SignalDrain

def say(word, answer=None):
    print(word, flush=True)
    return answer

def serve_for_ever():
    while True:
        select.select([], [], [], 0.02)

def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
"""


def _run(program: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _START + program], capture_output=True, text=True, timeout=20, check=False
    )
    print(done.stderr)  # noqa: T201 - shown where a test fails
    return done.returncode, done.stdout.split()


def test_a_process_with_the_default_handler_ends_as_by_the_signal_after_its_time() -> None:
    code, said = _run("""
drain = SignalDrain(lambda: say("begin", 0.05), lambda: say("release"), lambda: say("after"))
drain.install(); drain.install()
terminate(); terminate()
serve_for_ever()
""")

    assert code == -signal.SIGTERM
    assert said[:2] == ["begin", "release"]


def test_a_process_with_a_thousand_open_connections_drains_too() -> None:
    code, said = _run("""
import resource
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2048) if most > 0 else 2048, most))
connections = [os.dup(0) for _ in range(1100)]
SignalDrain(lambda: say("begin", 0.05), lambda: say("release"), lambda: None).install()
terminate()
threading.Event().wait(20)
""")

    assert code == -signal.SIGTERM
    assert said == ["begin", "release"]


def test_the_handler_of_the_server_is_called_once_the_time_is_over() -> None:
    code, said = _run("""
def handler(number, frame):
    say("server")
    threading.Timer(0.1, os._exit, (7,)).start()
signal.signal(signal.SIGTERM, handler)
SignalDrain(lambda: say("begin", 0.05), lambda: say("release"), lambda: None).install()
terminate()
serve_for_ever()
""")

    assert (code, said) == (7, ["begin", "release", "server"])


def test_a_process_that_ignores_sigterm_goes_on() -> None:
    code, said = _run("""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
SignalDrain(lambda: say("begin", 0.0), lambda: None, lambda: os._exit(4)).install()
terminate()
serve_for_ever()
""")

    assert (code, said) == (4, ["begin"])


def test_a_step_that_fails_does_not_keep_the_process_alive() -> None:
    code, said = _run("""
def fail():
    say("failing")
    raise OSError("begin")
SignalDrain(fail, fail, fail).install()
terminate()
serve_for_ever()
""")

    assert (code, said[:2]) == (-signal.SIGTERM, ["failing", "failing"])


def test_a_forked_child_that_is_told_to_stop_does_not_drain_its_parent() -> None:
    code, said = _run("""
drain = SignalDrain(lambda: say("begin", 0.0), lambda: None, lambda: None)
drain.install()
child = os.fork()
if child == 0:
    terminate()
    serve_for_ever()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), drain.is_installed, flush=True)
child = os.fork()
if child == 0:
    print(drain.is_installed, drain.install() == "", flush=True)
    terminate()
    serve_for_ever()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
""")

    assert code == 0
    assert said == ["-15", "True", "False", "True", "begin", "-15"]


def test_a_signal_between_the_end_and_its_uninstalling_does_nothing_more() -> None:
    code, said = _run("""
done = threading.Event()
drain = SignalDrain(lambda: say("begin", 30.0), lambda: say("release"), lambda: None)
before = signal.getsignal(signal.SIGTERM)
drain.install()
terminate()
while "ci-ops-drain" not in [one.name for one in threading.enumerate()]: pass
drain.uninstall(); drain.uninstall()
thread = next((one for one in threading.enumerate() if one.name == "ci-ops-drain"), None)
if thread: thread.join(10)
print(signal.getsignal(signal.SIGTERM) == before, drain.is_installed)
""")

    assert code == 0
    assert "release" not in said
    assert said[-2:] == ["True", "False"]


def test_somebody_elses_handler_is_left_in_place() -> None:
    code, said = _run("""
drain = SignalDrain(lambda: 0.0, lambda: None, lambda: None)
drain.install()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
drain.uninstall()
print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
""")

    assert (code, said) == (0, ["True"])


def test_a_server_that_takes_signals_on_its_loop_is_left_alone() -> None:
    code, said = _run("""
import asyncio

async def serve():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    drain = SignalDrain(lambda: say("begin", 0.0), lambda: None, lambda: None)
    print(drain.install(), flush=True)
    terminate()
    await stop.wait()
    say("stopped")

asyncio.run(serve())
""")

    assert (code, " ".join(said).endswith("for any other there is the drain file stopped")) == (0, True)


def test_the_loop_of_a_gunicorn_worker_is_taken_with_the_worker_at_hand() -> None:
    code, said = _run("""
import asyncio

class Worker:
    def __init__(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.loop.add_signal_handler(signal.SIGTERM, self.handle_exit_signal)

    def handle_exit_signal(self):
        say("server")
        self.stop.set()

async def serve():
    worker = Worker()
    drain = SignalDrain(lambda: say("begin", 0.05), lambda: say("release"), lambda: None)
    print(drain.install(worker) == "" == drain.install(), drain.worker is worker, flush=True)
    say(drain.stop_accepting())
    terminate(); terminate()
    await worker.stop.wait()
    drain.uninstall()
    worker.stop.clear()
    terminate()
    await worker.stop.wait()

asyncio.run(serve())
""")

    assert (code, said) == (0, ["True", "True", "0.0", "begin", "release", "server", "server"])


def test_a_server_on_a_loop_stops_accepting_before_it_ends() -> None:
    code, said = _run("""
import asyncio
from ci_ops.service.lifecycle.drain import ACCEPTED_SECONDS

class Server:
    servers = ()

    def handle_exit(self, number, frame):
        say("server")

async def serve():
    owner = Server()
    signal.signal(signal.SIGTERM, owner.handle_exit)
    drain = SignalDrain(lambda: 0.0, lambda: None, lambda: None)
    drain.install()
    say(drain.stop_accepting() == 0.0)
    owner.servers = [await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)]
    say(drain.stop_accepting() == ACCEPTED_SECONDS)
    while owner.servers[0].is_serving():
        await asyncio.sleep(0)
    say("closed")

asyncio.run(serve())
""")

    assert (code, said) == (0, ["True", "True", "closed"])


def test_a_server_that_waits_for_a_function_is_stopped_by_it() -> None:
    code, said = _run("""
drain = SignalDrain(lambda: say("begin", 0.05), lambda: say("release"), lambda: None)
drain.install()
stop = threading.Event()
drain.hand_over(stop.set)
terminate()
stop.wait(10)
print(signal.getsignal(signal.SIGTERM) == drain._handle)
""")

    assert (code, said) == (0, ["begin", "release", "True"])


def test_a_handler_that_a_server_sets_later_is_taken_too() -> None:
    code, said = _run("""
drain = SignalDrain(lambda: say("begin", 0.0), lambda: None, lambda: None)
drain.install()
signal.signal(signal.SIGTERM, lambda *_: (say("server"), os._exit(3)))
drain.install()
terminate()
serve_for_ever()
""")

    assert (code, said) == (3, ["begin", "server"])


def test_only_the_main_thread_can_hold_signals_back() -> None:
    drain = SignalDrain(lambda: 0.0, lambda: None, lambda: None)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(drain.install()))
    thread.start()
    thread.join()
    before = signal.getsignal(signal.SIGTERM)
    drain.install()
    later = threading.Thread(target=lambda: answers.append(drain.install()))
    later.start()
    later.join()
    drain.uninstall()

    assert answers == ["signals are for the main thread of a POSIX process", ""]
    assert drain.worker is None
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("owner_has_configuration", [True, False])
def test_the_worker_of_gunicorn_is_known_by_its_handler(owner_has_configuration: bool) -> None:
    class Worker:
        def handle_exit(self, number: int, frame: object) -> None: ...

    worker = Worker()
    if owner_has_configuration:
        worker.cfg = object()  # type: ignore[attr-defined]
    before = signal.signal(signal.SIGTERM, worker.handle_exit)
    drain = SignalDrain(lambda: 0.0, lambda: None, lambda: None)
    drain.install()
    found = drain.worker
    drain.uninstall()
    signal.signal(signal.SIGTERM, before)

    assert (found is worker) is owner_has_configuration
