from __future__ import annotations

import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.dry_run import dry_run
from ci_ops.core.delivery.execute import Executor, ReplayMismatch
from ci_ops.core.delivery.journal import Journal, Mark
from ci_ops.core.delivery.step import Steps
from ci_ops.core.delivery.steps.request import Request
from ci_ops.core.delivery.steps.wait import Wait
from ci_ops.core.errors import CiOpsError, Interrupted, LockHeld
from ci_ops.core.report import StepState
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.deployments import Bench, a_world, begin_step, listed, shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def note(text: str) -> str:
    return f"echo {text} >> log"


def test_steps_run_in_order_and_each_result_reaches_the_generator(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def steps() -> Steps:
        first = yield shell("ask", "echo hello; echo second line", changes=False)
        yield shell("use", f"echo {first.line} > said")

    execution = bench.executor().run(steps())

    assert execution.failed is None
    assert [each.state for each in execution.outcomes] == [StepState.DONE, StepState.DONE]
    assert bench.file("said") == "hello\n"
    assert bench.told == list(execution.outcomes)
    assert bench.changes == 1


def test_a_failing_step_ends_the_list_with_its_output(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [shell("bad", "echo why >&2; exit 3"), shell("never", note("never"))]

    execution = bench.executor().run(listed(steps))

    assert execution.failed is not None
    assert execution.failed.key == "bad"
    assert "why" in execution.failed.output
    assert bench.file("log") == ""
    entry = bench.journal().entry("deploy/bad")
    assert entry is not None
    assert entry.mark is Mark.FAILED


def test_a_step_that_is_not_required_only_warns_and_the_next_one_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def steps() -> Steps:
        yield shell("clean", "echo busy >&2; exit 1", required=False)
        yield shell("next", note("next"))

    execution = bench.executor().run(steps())

    assert execution.failed is None
    assert [each.state for each in execution.outcomes] == [StepState.WARNED, StepState.DONE]
    assert "busy" in execution.outcomes[0].output
    assert bench.file("log") == "next\n"


def test_the_release_is_whole_before_a_step_that_is_not_required_begins(tmp_path: Path) -> None:
    stop = StopSignal()
    bench = Bench(tmp_path, world=RealWorld(env=a_world().env, stop=stop))
    clean = shell("clean", "kill -TERM $PPID; sleep 60", required=False)

    with stop.listening(), pytest.raises(Interrupted):
        bench.executor().run(listed([shell("one", note("one")), clean]))

    assert bench.journal().is_applied
    assert not bench.journal().is_unfinished


def test_a_step_that_is_not_required_and_has_no_probe_runs_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    step = shell("clean", note("clean"), required=False)
    journal = bench.journal()
    begin_step(journal, step)

    assert bench.executor().run(listed([step])).failed is None

    assert bench.file("log") == "clean\n"


def test_people_see_the_command_without_the_bookkeeping_around_it() -> None:
    (outcome,) = dry_run(listed([shell("one", ": begun; make; : done", shown="make")]))
    assert outcome.run == "make"


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [shell("one", note("one")), shell("two", note("two"))]
    bench.executor().run(listed(steps[:1]))

    execution = bench.executor().run(listed(steps))

    assert bench.file("log") == "one\ntwo\n"
    assert [each.replayed for each in execution.outcomes] == [True, False]


def test_a_replayed_result_is_the_one_of_the_first_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def steps() -> Steps:
        found = yield shell("ask", "echo $RANDOM$$", changes=False)
        yield shell("use", f"echo {found.line} > said")

    bench.executor().run(steps())
    said = bench.file("said")
    (tmp_path / "said").unlink()

    bench.executor().run(steps())

    assert bench.file("said") == ""
    assert bench.journal().entry("deploy/ask") is not None
    assert said


@pytest.mark.parametrize(("there", "log"), [(True, ""), (False, "one\n")])
def test_a_step_that_was_only_started_is_asked_through_its_probe(
    tmp_path: Path, there: bool, log: str
) -> None:
    bench = Bench(tmp_path)
    step = shell("one", note("one"), probe="test -e mark")
    journal = bench.journal()
    begin_step(journal, step)
    if there:
        (tmp_path / "mark").touch()

    execution = bench.executor().run(listed([step]))

    assert execution.failed is None
    assert bench.file("log") == log


def test_without_a_probe_a_started_step_is_taken_back_and_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    step = shell("one", note("one"), undo=shell("back", note("back")))
    journal = bench.journal()
    begin_step(journal, step)

    bench.executor().run(listed([step]))

    assert bench.file("log") == "back\none\n"


def test_a_started_step_that_cannot_be_taken_back_is_not_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    step = shell("one", note("one"), undo=shell("back", "exit 3"))
    journal = bench.journal()
    begin_step(journal, step)

    execution = bench.executor().run(listed([step]))

    assert execution.failed is not None
    assert execution.failed.title == "do back"
    assert execution.failed.output == "it printed nothing and ended with exit code 3"
    assert bench.file("log") == ""
    assert [entry.step.key for entry in bench.journal().to_undo] == ["one"]


@pytest.mark.parametrize("probe", ["", "exit 7"])
def test_nobody_guesses_whether_a_step_happened(tmp_path: Path, probe: str) -> None:
    bench = Bench(tmp_path)
    step = shell("one", note("one"), probe=probe)
    journal = bench.journal()
    begin_step(journal, step)

    with pytest.raises(CiOpsError, match="it is unknown whether"):
        bench.executor().run(listed([step]))

    assert bench.file("log") == ""


def test_a_started_look_is_simply_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    step = shell("look", note("look"), changes=False)
    journal = bench.journal()
    begin_step(journal, step)
    assert bench.executor().run(listed([step])).failed is None
    assert bench.file("log") == "look\n"


def test_a_failed_step_runs_again_when_its_probe_says_it_is_not_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    step = shell("one", "test -e ok && touch mark", probe="test -e mark")
    assert bench.executor().run(listed([step])).failed is not None
    (tmp_path / "ok").touch()
    assert bench.executor().run(listed([step])).failed is None


def test_another_step_under_the_same_key_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.executor().run(listed([shell("one", note("one"))]))
    with pytest.raises(ReplayMismatch):
        bench.executor().run(listed([shell("one", note("something else"))]))


def test_two_steps_with_one_key_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two steps"):
        Bench(tmp_path).executor().run(listed([shell("one", "true"), shell("one", "true")]))


def test_undo_takes_back_what_was_done_latest_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [
        shell("one", note("one"), undo=shell("one-back", note("one-back"))),
        shell("look", "true", changes=False),
        shell("two", "exit 1", undo=shell("two-back", note("two-back"))),
        shell("three", note("three"), undo=shell("three-back", note("three-back"))),
    ]
    bench.executor().run(listed(steps))

    execution = bench.executor().undo()

    assert bench.file("log") == "one\ntwo-back\none-back\n"
    assert [each.state for each in execution.outcomes] == [StepState.UNDONE, StepState.UNDONE]
    assert bench.journal().to_undo == ()
    assert bench.executor().undo().outcomes == ()


def test_what_cannot_be_taken_back_says_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.executor().run(listed([shell("one", "true", no_undo="migrations only add")]))

    execution = bench.executor().undo()

    assert execution.failed is None
    assert execution.outcomes[0].state is StepState.LEFT
    assert execution.outcomes[0].output == "migrations only add"


def test_a_failing_undo_stops_and_stays_to_be_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.executor().run(listed([shell("one", "true", undo=shell("back", "test -e ok"))]))

    assert bench.executor().undo().failed is not None
    assert [entry.step.key for entry in bench.journal().to_undo] == ["one"]
    (tmp_path / "ok").touch()
    assert bench.executor().undo().failed is None


def test_undone_steps_run_afresh(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [shell("one", note("one"), undo=shell("back", note("back")))]
    bench.executor().run(listed(steps))
    bench.executor().undo()
    bench.executor().run(listed(steps))
    assert bench.file("log") == "one\nback\none\n"


def test_after_a_stop_no_step_starts(tmp_path: Path) -> None:
    stop = StopSignal()
    bench = Bench(tmp_path, world=RealWorld(env=a_world().env, stop=stop))
    steps = [shell("one", note("one"))]
    stop.request(signal.SIGTERM)
    with pytest.raises(Interrupted):
        bench.executor().run(listed(steps))
    with pytest.raises(Interrupted):
        Bench(tmp_path, world=bench.world).executor(journal_with_done(bench)).undo()
    assert bench.file("log") == ""


def journal_with_done(bench: Bench) -> Journal:
    journal = bench.journal()
    begin_step(journal, shell("zero", "true", undo=shell("zero-back", note("zero-back"))))
    return journal


def test_a_stop_during_a_step_ends_it_and_is_written_down(tmp_path: Path) -> None:
    stop = StopSignal()
    bench = Bench(tmp_path, world=RealWorld(env=a_world().env, stop=stop))
    stop_once_begun(tmp_path / "begun", stop)
    step = shell("long", "touch begun; sleep 30; touch ended", undo=shell("back", "sleep 30"))

    with pytest.raises(Interrupted):
        bench.executor().run(listed([step]))

    entry = bench.journal().entry("deploy/long")
    assert entry is not None
    assert entry.mark is Mark.INTERRUPTED
    assert [(each.title, each.state) for each in bench.told] == [("do long", StepState.INTERRUPTED)]
    assert not (tmp_path / "ended").exists()


def test_a_stop_during_an_undo_leaves_it_to_the_next_run(tmp_path: Path) -> None:
    stop = StopSignal()
    bench = Bench(tmp_path, world=RealWorld(env=a_world().env, stop=stop))
    undo = shell("back", "touch begun; test -e quick || sleep 30")
    bench.executor().run(listed([shell("one", "true", undo=undo)]))
    stop_once_begun(tmp_path / "begun", stop)

    with pytest.raises(Interrupted):
        bench.executor().undo()

    assert bench.journal().is_undoing
    assert (bench.told[-1].title, bench.told[-1].state) == ("do back", StepState.INTERRUPTED)
    (tmp_path / "quick").touch()
    assert Bench(tmp_path).executor().undo().failed is None


def stop_once_begun(path: Path, stop: StopSignal) -> None:
    def watch() -> None:
        waiting = threading.Event()
        while not path.exists():
            waiting.wait(0.01)
        stop.request(signal.SIGINT)

    threading.Thread(target=watch).start()


def test_a_lost_lock_stops_before_the_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def lost() -> None:
        raise LockHeld("somebody else has it")

    executor = Executor(
        world=bench.world,
        journal=bench.journal(),
        root=tmp_path,
        env={},
        guard=lost,
        before_change=lambda: None,
    )
    with pytest.raises(LockHeld):
        executor.run(listed([shell("look", note("look"), changes=False), shell("one", note("one"))]))
    assert bench.file("log") == "look\n"
    assert bench.journal().to_undo == ()


def test_a_step_over_its_time_says_so(tmp_path: Path) -> None:
    execution = Bench(tmp_path).executor().run(listed([shell("slow", "sleep 30", timeout_seconds=0.1)]))
    assert execution.failed is not None
    assert "0.1 s: the time limit" in execution.failed.output


def test_a_step_runs_in_its_directory_with_its_environment(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    bench = Bench(tmp_path, world=a_world(TOKEN="given"), env={"DEPLOYMENT_ID": "the-id"})
    step = shell("one", 'echo "$DEPLOYMENT_ID $TOKEN $(basename "$PWD")" > ../said', directory="inner")
    bench.executor().run(listed([step]))
    assert bench.file("said") == "the-id given inner\n"


def test_a_wait_asks_until_it_is_good(tmp_path: Path) -> None:
    run = 'echo x >> tries; test "$(wc -l < tries)" -ge 3 && echo ready'
    step = Wait(title="wait", key="wait", run=run, interval_seconds=0.01)
    bench = Bench(tmp_path)
    execution = bench.executor().run(listed([step]))
    assert execution.failed is None
    entry = bench.journal().entry("deploy/wait")
    assert entry is not None
    assert entry.result is not None
    assert entry.result.line == "ready"


def test_a_wait_ends_at_its_deadline(tmp_path: Path) -> None:
    step = Wait(
        title="wait", key="wait", run="echo not yet; false", deadline_seconds=0.05, interval_seconds=0.01
    )
    execution = Bench(tmp_path).executor().run(listed([step]))
    assert execution.failed is not None
    assert "not yet" in execution.failed.output


class Seen(BaseHTTPRequestHandler):
    """Answers by path: /ok 200, /gone 404, /bad 500; remembers what came."""

    requests: list[tuple[str, str, str, bytes]]

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.requests.append((self.command, self.path, self.headers.get("Authorization", ""), body))
        self.send_response({"/ok": 200, "/gone": 404}.get(self.path, 500))
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"seen\n")

    do_GET = do_POST = answer  # noqa: N815 - names the server asks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Server = tuple[str, list[tuple[str, str, str, bytes]]]


@pytest.fixture
def server() -> Iterator[Server]:
    seen: list[tuple[str, str, str, bytes]] = []
    handler = type("Handler", (Seen,), {"requests": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", seen
        httpd.shutdown()
        thread.join()


def post(url: str, **more: object) -> Request:
    values: dict[str, object] = {"title": "post", "key": "post", "method": "POST", "url": url, **more}
    return Request(**values)  # type: ignore[arg-type]


def test_a_request_fills_in_secrets_by_name_when_it_is_sent(tmp_path: Path, server: Server) -> None:
    url, seen = server
    bench = Bench(tmp_path, world=a_world(KEY="s3cret-value"))
    step = post(f"{url}/ok", headers={"Authorization": "Bearer ${KEY}"}, body="{}")

    assert bench.executor().run(listed([step])).failed is None

    assert seen == [("POST", "/ok", "Bearer s3cret-value", b"{}")]
    assert "s3cret-value" not in (tmp_path / "state" / f"{bench.record.id}.journal.jsonl").read_text()


@pytest.mark.parametrize(
    ("path", "headers", "output"),
    [("/bad", {}, "seen"), ("/ok", {"X": "${MISSING}"}, "MISSING is not set")],
)
def test_a_request_that_is_not_answered_well_fails(
    tmp_path: Path, server: Server, path: str, headers: dict[str, str], output: str
) -> None:
    execution = Bench(tmp_path).executor().run(listed([post(server[0] + path, headers=headers)]))
    assert execution.failed is not None
    assert output in execution.failed.output


def test_a_request_to_nobody_fails_with_a_sentence(tmp_path: Path) -> None:
    execution = Bench(tmp_path).executor().run(listed([post("http://127.0.0.1:1/ok")]))
    assert execution.failed is not None
    assert "refused" in execution.failed.output


@pytest.mark.parametrize(("probe", "sent"), [("/ok", 0), ("/gone", 1)])
def test_a_started_request_is_asked_through_its_probe(
    tmp_path: Path, server: Server, probe: str, sent: int
) -> None:
    url, seen = server
    bench = Bench(tmp_path)
    step = post(f"{url}/ok", probe=url + probe)
    journal = bench.journal()
    begin_step(journal, step)
    bench.executor().run(listed([step]))
    assert [each[0] for each in seen].count("POST") == sent


@pytest.mark.parametrize("probe", ["http://127.0.0.1:1/", "${MISSING}"])
def test_a_probe_that_cannot_look_says_nothing(tmp_path: Path, probe: str) -> None:
    bench = Bench(tmp_path)
    step = post("http://127.0.0.1:1/ok", probe=probe)
    journal = bench.journal()
    begin_step(journal, step)
    with pytest.raises(CiOpsError, match="it is unknown whether"):
        bench.executor().run(listed([step]))


def test_a_dry_run_touches_nothing_and_names_what_it_cannot_know(tmp_path: Path) -> None:
    marker = tmp_path / "touched"

    def steps() -> Steps:
        found = yield shell("ask", f"touch {marker}; echo 1", changes=False)
        yield shell("use", f"deploy {found.output}")
        yield post("https://example.test/hook")

    outcomes = dry_run(steps())

    assert not marker.exists()
    assert outcomes[1].run == "deploy <the output of step 1>"
    assert outcomes[2].run == "POST https://example.test/hook"
    assert {each.state for each in outcomes} == {StepState.PLANNED}


def test_a_generator_is_closed_when_a_step_fails(tmp_path: Path) -> None:
    closed: list[bool] = []

    def steps() -> Steps:
        try:
            yield shell("bad", "false")
        finally:
            closed.append(True)

    Bench(tmp_path).executor().run(steps())
    assert closed == [True]


def break_journal(bench: Bench) -> str:
    """A command after which the journal's file cannot be written."""
    path = bench.store.directory / f"{bench.record.id}.journal.jsonl"
    return f"mv {path} {path}.away; mkdir {path}"


def mend_journal(bench: Bench) -> str:
    path = bench.store.directory / f"{bench.record.id}.journal.jsonl"
    return f"rmdir {path}; mv {path}.away {path}"


def test_a_change_whose_beginning_cannot_be_journaled_is_not_begun(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [shell("one", break_journal(bench)), shell("two", note("two"))]

    execution = bench.executor().run(listed(steps))

    assert execution.failed is not None
    assert execution.failed.key == "two"
    assert execution.failed.output.startswith("not begun: its journal cannot be used: Is a directory")
    assert bench.file("log") == ""


def test_what_was_done_is_undone_without_a_journal_and_written_down_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    journal = bench.journal()
    undo = shell("back", f"{note('back')}; {mend_journal(bench)}")
    executor = bench.executor(journal)
    executor.run(listed([shell("one", break_journal(bench), undo=undo)]))

    execution = executor.undo()

    assert [each.state for each in execution.outcomes] == [StepState.UNDONE]
    assert bench.file("log") == "back\n"
    entry = bench.journal().entry("deploy/one")
    assert entry is not None
    assert entry.mark is Mark.UNDONE


def test_what_goes_back_or_cleans_needs_no_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    steps = [shell("one", break_journal(bench)), shell("switch", note("switch"))]
    assert bench.executor().run(listed(steps), scope="rollback").failed is None
    subprocess.run(mend_journal(bench), shell=True, check=True)
    cleaning = [shell("two", break_journal(bench)), shell("clean", note("clean"), required=False)]
    execution = bench.executor().run(listed(cleaning))
    assert execution.failed is None
    assert bench.file("log") == "switch\nclean\n"


def test_two_generators_share_one_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    database = [shell("save", note("database"), undo=shell("back", note("database-back")))]
    media = [shell("save", note("media"), undo=shell("back", note("media-back")))]
    scopes = {"backup/database": database, "backup/media": media, "deploy": [shell("save", note("deploy"))]}
    for scope, steps in scopes.items():
        assert bench.executor().run(listed(steps), scope=scope).failed is None

    for scope, steps in scopes.items():
        (again,) = bench.executor().run(listed(steps), scope=scope).outcomes
        assert (again.replayed, again.key, again.phase) == (True, "save", scope.partition("/")[0])
    assert [entry.key for entry in bench.journal().entries] == [f"{scope}/save" for scope in scopes]

    bench.executor().undo()
    assert bench.file("log") == "database\nmedia\ndeploy\nmedia-back\ndatabase-back\n"
