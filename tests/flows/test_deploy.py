from __future__ import annotations

import json
import signal
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError, LockHeld, UsageError
from ci_ops.core.event import Delivery, Event, Outcome
from ci_ops.core.health.status import Status
from ci_ops.core.ports.lease import Holder
from ci_ops.core.report import StepState
from ci_ops.edge.clock import StopSignal
from ci_ops.flows._interruption import POLL_SECONDS
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.rollback import RollbackOptions
from tests.support.shop import CONFIG, ONE, THREE, TWO, Shop, id_of
from tests.support.sinks import CallSink

NO_VERIFY = DeployOptions(verify=False)


def test_a_first_deployment_is_verified_and_says_there_is_nothing_to_go_back_to(shop: Shop) -> None:
    report = shop.deploy(ONE)
    assert (report.verdict, report.exit_code, report.status) == ("ok", 0, Status.PASS)
    assert report.changed
    assert any("first deployment" in note for note in report.notes)
    assert shop.service.revision == ONE
    assert [record.state for record in shop.history] == [State.VERIFIED]
    assert shop.journal_marks(id_of(report))[-2:] == ["applied", "ended"]
    assert [each.event.rpartition("/")[2] for each in report.deliveries] == [
        "deployment.started",
        "deployment.completed",
    ]


def test_the_same_revision_again_changes_nothing_and_warns(shop: Shop) -> None:
    first = shop.deploy(ONE)
    report = shop.deploy(ONE)
    assert (report.verdict, report.status, report.exit_code) == ("unchanged", Status.WARN, 0)
    kept = json.loads((shop.project / ".ci-ops" / id_of(first) / "deploy.json").read_text())
    assert kept["reason"] == "ok"
    assert not report.changed
    assert shop.service.log == [f"run {ONE}"]


def test_the_same_revision_is_deployed_again_when_it_is_asked_for(shop: Shop) -> None:
    shop.deploy(ONE)
    assert shop.deploy(ONE, DeployOptions(force=True)).verdict == "ok"
    assert shop.service.log == [f"run {ONE}"] * 2


def test_a_bad_release_is_rolled_back_and_the_rollback_is_proven(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)

    report = shop.deploy(TWO)

    assert (report.verdict, report.exit_code) == ("rolled-back", 5)
    assert {result.check for result in report.results if result.blocks} == {"health"}
    assert all(result.status.is_good for result in report.proof)
    assert report.availability is not None
    assert report.availability.requests > 0
    assert shop.service.log == [f"run {ONE}", f"run {TWO}", "undo"]
    assert shop.service.revision == ONE
    assert [record.state for record in shop.history] == [State.ROLLED_BACK, State.VERIFIED]
    events = [each.event.rpartition("/")[2] for each in report.deliveries]
    assert events == ["deployment.started", "deployment.failed", "rollback.started", "rollback.completed"]


def test_the_chain_of_actions_leaves_what_the_one_transaction_leaves(tmp_path: Path, shop: Shop) -> None:
    chained = Shop(project=tmp_path / "chained", service=shop.service)
    shop.service.make_sick(TWO)
    shop.deploy(ONE)
    whole = shop.deploy(TWO)
    sequence = list(shop.service.log)
    told = list(shop.service.told)
    (shop.service.folder / "log").unlink()
    (shop.service.folder / "revision").unlink()
    shop.service.messages.clear()

    first = chained.deploy(ONE, NO_VERIFY)
    chained.verify(id_of(first))
    second = chained.deploy(TWO, NO_VERIFY)
    assert chained.verify(id_of(second)).verdict == "findings"
    back = chained.rollback(RollbackOptions(deployment_id=id_of(second)))
    chained.notify()

    assert back.verdict == "ok"
    assert chained.service.log == sequence
    assert chained.journal_marks(id_of(second)) == shop.journal_marks(id_of(whole))
    assert [record.state for record in chained.history] == [record.state for record in shop.history]
    assert [record.previous_revision for record in chained.history] == [
        record.previous_revision for record in shop.history
    ]
    assert len(chained.service.told) == len(told)


def test_a_failing_step_is_taken_back_before_anything_is_live(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.write_config(CONFIG.replace("run: '", "run: 'echo broken build >&2; exit 4; "))
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("deploy-failed", 5)
    assert "broken build" in report.sentence
    assert [step.state for step in report.steps] == [StepState.FAILED, StepState.UNDONE]
    assert shop.service.revision == ONE


def test_without_an_undo_nobody_claims_a_rollback(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)
    lines = [line for line in CONFIG.splitlines() if not line.lstrip().startswith("undo:")]
    shop.write_config("\n".join(lines))
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("rollback-failed", 6)
    assert "no step has an undo" in report.sentence
    assert shop.service.revision == TWO


def test_a_rollback_that_does_not_bring_the_release_back_is_no_rollback(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)
    shop.write_config(
        CONFIG.replace('undo: \'printf %s "$DEPLOYMENT_PREVIOUS_REVISION"', "undo: 'printf lost")
    )
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("rollback-failed", 6)
    assert "could not prove" in report.sentence
    assert shop.history[0].state is State.FAILED


def test_after_a_way_back_without_proof_the_next_one_goes_to_what_really_answers(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(ONE, TWO)
    assert shop.deploy(TWO).verdict == "rollback-failed"
    assert shop.service.revision == ONE
    shop.service.make_sick(THREE)
    report = shop.deploy(THREE)
    assert report.verdict == "rolled-back"
    assert report.record is not None
    assert report.record.previous_revision == ONE
    assert shop.service.revision == ONE


def test_a_release_that_was_never_verified_stays_the_one_to_go_back_to(shop: Shop) -> None:
    safe = shop.deploy(ONE)
    live = shop.deploy(TWO, NO_VERIFY)
    report = shop.deploy(THREE)
    assert report.record is not None
    assert (report.record.previous, report.record.safe) == (id_of(live), id_of(safe))


def test_a_secret_in_the_address_gets_into_no_record(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_config(
        CONFIG.replace("url: URL", f"url: {shop.service.url.replace('//', '//shop:pass-8765@')}")
    )
    report = shop.deploy(ONE)
    shop.verify(id_of(report))
    assert report.verdict == "ok"
    assert report.record is not None
    assert report.record.url == shop.service.url
    written = [
        path.read_bytes() for path in shop.project.rglob("*") if path.is_file() and path.suffix != ".yml"
    ]
    said = [text.encode() for text in capsys.readouterr()]
    assert not [data for data in (*written, *said) if b"pass-8765" in data]


def test_an_unreachable_service_with_a_verified_release_changes_nothing(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.write_config(CONFIG.replace("URL", shop.service.url.replace("http:", "https:")))
    with pytest.raises(CiOpsError) as caught:
        shop.deploy(TWO)
    assert (caught.value.reason.name, caught.value.exit_code) == ("unreachable-baseline", 3)
    assert shop.service.log == [f"run {ONE}"]


def test_what_cannot_be_judged_is_held_where_that_is_wanted(shop: Shop) -> None:
    config = CONFIG.replace(
        "health: {successes: 1}",
        "health: {successes: 1}\n    shell: {type: command, run: no-such-program-here}",
    )
    shop.write_config(config.replace("deadline: 0", "deadline: 0\n  on-error: hold"))
    report = shop.deploy(ONE)
    assert (report.verdict, report.status, report.exit_code) == ("held", Status.ERROR, 3)
    assert shop.history[0].state is State.UNVERIFIED


def test_what_cannot_be_judged_is_rolled_back_by_default(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.write_config(
        CONFIG.replace(
            "health: {successes: 1}",
            "health: {successes: 1}\n    shell: {type: command, run: no-such-program-here}",
        )
    )
    report = shop.deploy(TWO)
    assert shop.service.revision == ONE
    assert report.exit_code in {5, 6}


def test_an_unrecorded_release_is_measured_and_gone_back_to(shop: Shop) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    shop.service.make_sick(TWO)
    report = shop.deploy(TWO)
    assert report.record is not None
    assert report.record.previous_revision == ONE
    assert report.verdict == "rolled-back"
    assert shop.service.revision == ONE


def test_the_lock_is_named_with_its_holder(shop: Shop) -> None:
    job = shop.open("deploy").job
    lease = job.site.lease.acquire(Holder(name="another run", since=job.world.clock.now()))
    with pytest.raises(LockHeld, match="another run"):
        shop.deploy(ONE)
    lease.release()
    assert shop.deploy(ONE).verdict == "ok"


@pytest.mark.parametrize(
    ("revision", "config", "where"),
    [
        ("abc", CONFIG, "revision"),
        ("", CONFIG, "revision"),
        (ONE, "version: 1\n", "deploy.target"),
        (ONE, "version: 1\ndeploy: {target: {type: command, run: x}}\n", "verify"),
    ],
)
def test_what_is_missing_is_said_before_anything_happens(
    shop: Shop, revision: str, config: str, where: str
) -> None:
    shop.write_config(config)
    with pytest.raises(UsageError) as caught:
        shop.deploy(revision)
    assert caught.value.where == where
    assert shop.service.log == []


def test_a_type_is_one_word(shop: Shop) -> None:
    with pytest.raises(UsageError) as caught:
        shop.deploy(ONE, DeployOptions(type="A word;"))
    assert caught.value.where == "type"
    assert shop.deploy(ONE, DeployOptions(type="hot-fix")).verdict == "ok"


def test_a_stop_leaves_the_rest_to_the_next_run(shop: Shop) -> None:
    shop.deploy(ONE)
    slow = CONFIG.replace("run: '", 'run: \'touch "$SHOP/begun"; test -e "$SHOP/fast" || sleep 30; ')
    shop.write_config(slow)
    stop = StopSignal()
    opened = shop.open("deploy", stop=stop, revision=TWO)

    def stop_when_begun() -> None:
        pause = threading.Event()
        while not (shop.service.folder / "begun").exists():
            pause.wait(0.01)
        stop.request(signal.SIGTERM)

    threading.Thread(target=stop_when_begun).start()
    report = deploy(opened.job, DeployOptions())
    assert (report.verdict, report.exit_code) == ("terminated", 143)
    assert shop.history[0].state is State.INTERRUPTED
    assert shop.service.log == [f"run {ONE}"]

    (shop.service.folder / "fast").touch()
    resumed = shop.deploy(TWO)
    assert resumed.verdict == "ok"
    assert id_of(resumed) == id_of(report)
    assert any("Resuming" in note for note in resumed.notes)
    assert shop.service.revision == TWO


def test_a_stop_before_the_first_step_leaves_no_record(shop: Shop) -> None:
    stop = StopSignal()
    opened = shop.open("deploy", stop=stop, revision=ONE)
    stop.request(signal.SIGTERM)
    report = deploy(opened.job, DeployOptions())
    assert (report.verdict, report.sentence) == ("terminated", "Stopped by a signal before any change.")
    assert shop.history == []
    assert shop.service.told == []


def test_a_stop_after_the_verdict_takes_nothing_back(shop: Shop) -> None:
    stop = StopSignal()
    opened = shop.open("deploy", stop=stop, revision=ONE)

    def stop_when_verified(event: Event) -> tuple[Delivery, ...]:
        if event.name == "deployment.completed":
            stop.request(signal.SIGTERM)
            threading.Event().wait(3 * POLL_SECONDS)
        return ()

    job = replace(opened.job, sinks=(CallSink(stop_when_verified),))
    assert deploy(job, DeployOptions()).verdict == "ok"
    assert shop.history[0].state is State.VERIFIED


def test_a_stop_while_an_earlier_deployment_is_taken_back_is_told(shop: Shop) -> None:
    shop.deploy(ONE)
    killing = "'kill -TERM $PPID; sleep 30; "
    shop.write_config(CONFIG.replace("run: '", f"run: {killing}").replace("undo: '", f"undo: {killing}"))
    for revision in (TWO, THREE):
        stop = StopSignal()
        opened = shop.open("deploy", stop=stop, revision=revision)
        with stop.listening():
            report = deploy(opened.job, DeployOptions())
        assert report.verdict == "terminated"
        assert [step.state for step in report.steps] == [StepState.INTERRUPTED]
        assert shop.history[0].state is State.INTERRUPTED
    assert shop.service.log == [f"run {ONE}"]


def test_another_revision_first_takes_back_what_was_left_unfinished(shop: Shop) -> None:
    shop.deploy(ONE)
    stop = StopSignal()
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -TERM $PPID; sleep 30; "))
    opened = shop.open("deploy", stop=stop, revision=TWO)
    with stop.listening():
        deploy(opened.job, DeployOptions())
    shop.write_config(CONFIG)
    report = shop.deploy(THREE)
    assert report.verdict == "ok"
    assert shop.service.log == [f"run {ONE}", "undo", f"run {THREE}"]
    assert [record.state for record in shop.history] == [State.VERIFIED, State.ROLLED_BACK, State.VERIFIED]


def test_an_unverified_release_is_superseded_not_taken_back(shop: Shop) -> None:
    shop.deploy(ONE)
    left = shop.deploy(TWO, NO_VERIFY)
    report = shop.deploy(THREE)
    assert report.verdict == "ok"
    assert "undo" not in shop.service.log
    assert shop.journal_marks(id_of(left))[-1] == "ended"
    assert report.record is not None
    assert report.record.previous_revision == TWO


def test_a_dry_run_writes_sends_and_changes_nothing(shop: Shop) -> None:
    shop.deploy(ONE)
    before = {path: path.stat().st_mtime_ns for path in shop.project.rglob("*.jsonl")}
    report = shop.deploy(TWO, dry_run=True)
    assert report.dry_run
    assert [step.state for step in report.steps] == [StepState.PLANNED]
    assert shop.service.log == [f"run {ONE}"]
    assert {path: path.stat().st_mtime_ns for path in shop.project.rglob("*.jsonl")} == before


def test_changed_steps_of_an_unfinished_deployment_are_taken_back_first(shop: Shop) -> None:
    shop.deploy(ONE)
    stop = StopSignal()
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -TERM $PPID; sleep 30; "))
    opened = shop.open("deploy", stop=stop, revision=TWO)
    with stop.listening():
        deploy(opened.job, DeployOptions())
    shop.write_config(CONFIG)
    with pytest.raises(CiOpsError, match="was undone"):
        shop.deploy(TWO)
    assert shop.service.revision == ONE
    assert shop.deploy(TWO).verdict == "ok"


def test_an_unreadable_journal_is_never_ignored(shop: Shop) -> None:
    shop.deploy(ONE)
    (journal,) = shop.project.rglob("*.journal.jsonl")
    journal.write_text("scribble\n" + journal.read_text())
    with pytest.raises(CiOpsError, match="cannot be read"):
        shop.deploy(TWO)
    assert shop.service.revision == ONE


def test_a_channel_that_hangs_does_not_hold_up_the_way_back(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        shop.env["SHOP_WEBHOOK"] = f"http://127.0.0.1:{hanging.getsockname()[1]}/services/x"
        report = shop.deploy(TWO)
    assert report.verdict == "rolled-back"
    undone = next(step for step in report.steps if step.state is StepState.UNDONE)
    assert undone.started_offset_seconds < min(
        each.seconds for each in report.deliveries if each.outcome is Outcome.FAILED
    )
