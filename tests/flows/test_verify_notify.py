from __future__ import annotations

import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError, Interrupted, UsageError
from ci_ops.core.event import Delivery, Event
from ci_ops.core.health.status import Status
from ci_ops.edge.clock import StopSignal
from ci_ops.flows.deploy import DeployOptions
from ci_ops.flows.finish import finish
from ci_ops.flows.notify import NotifyOptions, notify
from ci_ops.flows.readiness import readiness
from ci_ops.flows.rollback import RollbackOptions
from tests.support.sample_service import Answer, said, sample_service, text
from tests.support.shop import CONFIG, ONE, TWO, Shop, id_of
from tests.support.sinks import CallSink

NO_VERIFY = DeployOptions(verify=False)


def test_verify_with_an_address_alone_looks_at_its_health_and_front_page(shop: Shop) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    shop.write_config("version: 1\n")
    report = shop.verify(url=shop.service.url)
    assert [result.check for result in report.results] == ["health", "endpoints"]
    assert report.status.is_good
    assert [result.check for result in shop.verify(url=f"{shop.service.url}/?a=b").results] == ["health"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (text("no page here", 404), Status.PASS),
        (text("", 302, Location="/login"), Status.PASS),
        (text("hello", Age="90", X_Cache="HIT"), Status.PASS),
        (text("Internal Server Error", 500), Status.FAIL),
        (text("Just a moment...", 403, CF_Mitigated="challenge"), Status.ERROR),
    ],
)
def test_a_front_page_that_nobody_described_fails_with_a_server_error_alone(
    shop: Shop, answer: Answer, status: Status
) -> None:
    shop.write_config("version: 1\nverify: {deadline: 0}\n")
    with sample_service() as service:
        service.says("/up", said({"status": "pass"}))
        service.says("/", answer)
        report = shop.verify(url=service.url("/up"))
    found = {result.check: result for result in report.results}
    assert (found["health"].status, found["endpoints"].status) == (Status.PASS, status)
    if status is Status.FAIL:
        assert found["endpoints"].findings[0].expected == "200-499"


def test_verify_with_a_revision_compares_it(shop: Shop) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    shop.write_config("version: 1\nverify: {deadline: 0}\n")
    report = shop.verify(url=shop.service.url, revision=TWO)
    assert report.verdict == "findings"
    assert [finding.rule for finding in report.results[0].findings] == ["revision/stale"]


def test_verify_without_anything_to_look_at_is_no_pass(shop: Shop) -> None:
    shop.write_config("version: 1\n")
    with pytest.raises(UsageError, match="nothing to verify"):
        shop.verify()


def test_only_verification_writes_verified_and_never_over_a_rollback(shop: Shop) -> None:
    shop.deploy(ONE)
    second = shop.deploy(TWO, NO_VERIFY)
    assert [record.state for record in shop.history] == [State.UNVERIFIED, State.VERIFIED]
    assert shop.verify(id_of(second)).verdict == "ok"
    assert [record.state for record in shop.history] == [State.VERIFIED, State.VERIFIED]
    shop.rollback(RollbackOptions(to=ONE))
    with pytest.raises(CiOpsError, match="is not live") as caught:
        shop.verify(id_of(second))
    assert (caught.value.reason.name, caught.value.exit_code) == ("not-live", 4)
    assert [record.state for record in shop.history if record.id == id_of(second)] == [State.ROLLED_BACK]


def test_what_was_not_measured_is_not_named_as_live(shop: Shop) -> None:
    first = shop.deploy(ONE)
    second = shop.deploy(TWO)
    with pytest.raises(CiOpsError, match=rf"; {id_of(second)} was measured to be live"):
        shop.verify(id_of(first))
    with socket.socket() as unused:  # bound, but it does not listen
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(CiOpsError, match="is not measured to be live; the latest record") as caught:
            shop.verify(id_of(first), url=f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert caught.value.reason.name == "not-live"


def test_a_second_verification_leaves_the_journal_as_it_is(shop: Shop) -> None:
    report = shop.deploy(ONE)
    marks = shop.journal_marks(id_of(report))
    assert shop.verify(id_of(report)).verdict == "ok"
    assert shop.journal_marks(id_of(report)) == marks


def test_verify_never_changes_the_service(shop: Shop) -> None:
    first = shop.deploy(ONE, NO_VERIFY)
    shop.service.make_sick(ONE)
    log = shop.service.log
    assert shop.verify(id_of(first)).verdict == "findings"
    assert shop.service.log == log
    assert shop.history[0].state is State.FAILED


def test_an_unknown_deployment_is_refused(shop: Shop) -> None:
    with pytest.raises(CiOpsError, match="no deployment") as caught:
        shop.verify("20260101T000000Z-1111111")
    assert (caught.value.reason.name, caught.value.exit_code) == ("unknown-deployment", 4)


def test_the_team_hears_once(shop: Shop) -> None:
    shop.deploy(ONE)
    told = len(shop.service.told)
    report = shop.notify()
    assert report.verdict == "ok"
    assert len(shop.service.told) == told


def test_notify_with_an_address_alone_tells_how_the_job_ended(shop: Shop) -> None:
    shop.write_config("version: 1\nservice: shop\n")
    to = (f"{shop.service.url}/services/x",)
    report = shop.notify(NotifyOptions(status="failure", sentence="The build broke."), to=to)
    assert report.verdict == "ok"
    (message,) = shop.service.messages
    assert "The build broke." in str(message)


def test_a_job_that_went_well_after_a_bad_verification_is_still_bad_news(shop: Shop) -> None:
    first = shop.deploy(ONE, NO_VERIFY)
    shop.service.make_sick(ONE)
    shop.verify(id_of(first))
    shop.service.messages.clear()
    to = (f"{shop.service.url}/services/other",)
    shop.notify(NotifyOptions(status="success"), to=to)
    (message,) = shop.service.messages
    assert "fail" in str(message).lower()


def told_of(shop: Shop, **options: str) -> str:
    """What a channel of its own hears of the end of this job."""
    shop.service.messages.clear()
    report = shop.notify(NotifyOptions(**options), to=(f"{shop.service.url}/services/end",))
    assert report.verdict == "ok"
    (message,) = shop.service.told
    return message


def test_a_job_that_deployed_nothing_ends_well_or_fails_and_claims_nothing(shop: Shop) -> None:
    well, failed = (told_of(shop, status=status) for status in ("success", "failure"))
    assert well == "✅ shop: the job ended well — The job went well."
    assert failed == "❌ shop: the job failed — The job failed."
    assert "was cancelled" in told_of(shop, status="cancelled")


def test_the_end_of_a_job_without_a_deployment_has_no_record_and_no_id(shop: Shop) -> None:
    report = shop.notify(NotifyOptions(status="success"), revision=ONE)
    assert report.record is None
    assert report.job is not None
    assert (report.job.service, report.job.environment, report.job.revision) == ("shop", "production", ONE)
    assert shop.history == []


def test_a_job_that_fails_after_a_good_deployment_does_not_call_the_deployment_bad(shop: Shop) -> None:
    shop.deploy(ONE)
    message = told_of(shop, status="failure")
    assert message.startswith("❌ shop: the job failed — The job failed.")
    assert f"Before that: {ONE[:7]} is live in production and verified." in message


def test_a_release_that_was_not_verified_is_not_called_live(shop: Shop) -> None:
    shop.deploy(ONE, NO_VERIFY)
    message = told_of(shop, status="success")
    assert f"{ONE[:7]} is deployed to production, not verified" in message
    assert "is live" not in message


def test_a_look_at_a_service_is_no_deployment(shop: Shop) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    assert shop.verify(revision=ONE).verdict == "ok"
    assert "the job ended well" in told_of(shop, status="success")


def on_a_run(shop: Shop, tmp_path: Path, *, run: int, job: str = "ship", attempt: int = 1) -> None:
    """Let the next commands find themselves in that job; the state outlives it, as on a self-hosted runner."""
    shop.env |= {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "org/shop",
        "GITHUB_RUN_ID": str(run),
        "GITHUB_RUN_ATTEMPT": str(attempt),
        "GITHUB_JOB": job,
        "GITHUB_WORKFLOW": "release",
        "RUNNER_TEMP": str(tmp_path / "runner"),
    }


@pytest.mark.parametrize("later", [{"run": 8}, {"run": 7, "job": "nightly"}, {"run": 7, "attempt": 2}])
def test_what_another_job_did_is_not_told_as_this_ones(
    shop: Shop, tmp_path: Path, later: dict[str, Any]
) -> None:
    on_a_run(shop, tmp_path, run=7)
    shop.deploy(ONE)
    on_a_run(shop, tmp_path, **later)
    message = told_of(shop, status="success")
    assert "the job ended well" in message
    assert ONE[:7] not in message


def test_the_same_job_tells_of_its_deployment(shop: Shop, tmp_path: Path) -> None:
    on_a_run(shop, tmp_path, run=7)
    shop.deploy(ONE)
    assert f"{ONE[:7]} is live in production" in told_of(shop, status="success")


def test_a_job_is_known_by_its_workflow_and_told_once(shop: Shop, tmp_path: Path) -> None:
    on_a_run(shop, tmp_path, run=7)
    shop.notify(NotifyOptions(status="failure"))
    assert "release / ship" in str(shop.service.messages[-1])
    report = shop.notify(NotifyOptions(status="failure"))
    assert (report.sentence, len(shop.service.messages)) == ("Nothing was sent: already delivered.", 1)
    assert shop.notify(NotifyOptions(status="failure", sentence="More.")).sentence == "Sent to team."


def test_nothing_says_how_the_job_ended_without_a_status_and_a_report(shop: Shop) -> None:
    with pytest.raises(UsageError, match="nothing in this job says how it ended"):
        shop.notify()


def test_a_rollback_with_nothing_to_do_is_not_told_as_one(shop: Shop) -> None:
    report = shop.deploy(ONE)
    assert shop.rollback(RollbackOptions(deployment_id=id_of(report))).verdict == "unchanged"
    assert "rolled back" not in told_of(shop, status="success")


def test_a_delivery_that_failed_is_said_with_its_cause(shop: Shop) -> None:
    shop.env["SHOP_WEBHOOK"] = "http://127.0.0.1:1/services/x"
    report = shop.notify(NotifyOptions(status="failure"))
    assert (report.verdict, report.exit_code) == ("delivery-failed", 0)
    assert report.sentence.startswith("Not delivered to team: ")


def test_a_route_that_wants_to_hear_of_failed_deployments_hears_of_a_job_that_failed_before(
    shop: Shop,
) -> None:
    shop.write_config(CONFIG + "  routes: [{events: [deployment.failed], to: [team]}]\n")
    assert shop.notify(NotifyOptions(status="failure")).sentence == "Sent to team."
    report = shop.notify(NotifyOptions(status="success"))
    assert report.sentence == "Nothing was sent: no route for job.completed."


def test_a_stop_before_anybody_was_told_is_no_pass(shop: Shop) -> None:
    stop = StopSignal()

    def stopped(_event: Event) -> tuple[Delivery, ...]:
        stop.request(signal.SIGINT)
        raise Interrupted(stop.requested)

    job = replace(shop.open("notify", stop=stop).job, sinks=(CallSink(stopped),))
    report = notify(job, NotifyOptions(status="failure"))
    assert (report.verdict, report.exit_code) == ("interrupted", 130)


def test_nobody_to_tell_is_said(shop: Shop) -> None:
    shop.write_config("version: 1\n")
    report = shop.notify()
    assert (report.status, report.exit_code) == (Status.WARN, 0)
    assert report.sentence == "No message was sent."


def test_a_channel_that_fails_is_a_warning_never_a_failed_deployment(shop: Shop) -> None:
    shop.env["SHOP_WEBHOOK"] = "http://127.0.0.1:1/services/x"
    report = shop.deploy(ONE)
    assert (report.verdict, report.status, report.exit_code) == ("delivery-failed", Status.WARN, 0)
    assert shop.history[0].state is State.VERIFIED


def test_an_address_of_no_known_kind_is_refused(shop: Shop) -> None:
    with pytest.raises(UsageError, match="neither a channel"):
        shop.notify(to=("gopher://x",))


def test_finish_closes_what_a_dead_runner_left(tmp_path: Path, shop: Shop) -> None:
    shop.env |= {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "org/shop",
        "GITHUB_RUN_ID": "42",
        "RUNNER_TEMP": str(tmp_path / "runner"),
    }
    job = shop.open("deploy", revision=ONE).job
    left = job.site.ledger.open(job.new_record(revision=ONE, state=State.RUNNING))
    other = job.site.ledger.open(
        job.new_record(
            revision=TWO, state=State.RUNNING, run_url="https://github.example/org/shop/actions/runs/41"
        )
    )
    report = shop.play("deploy", finish)
    assert report.verdict == "findings"
    states = {record.id: record.state for record in shop.history}
    assert states == {left.id: State.INTERRUPTED, other.id: State.RUNNING}
    assert any("runner was lost" in str(message) for message in shop.service.messages)
    assert shop.play("deploy", finish).verdict == "ok"


def test_finish_away_from_a_runner_does_nothing(shop: Shop) -> None:
    assert shop.play("deploy", finish).verdict == "ok"


def test_readiness_without_a_file_runs_what_fits(shop: Shop) -> None:
    (shop.project / "ci-ops.yml").unlink()
    (shop.project / "app.py").write_text("print('hello')\n")
    report = shop.play("readiness", readiness)
    assert [result.check for result in report.results] == ["compiles"]
    assert report.verdict == "ok"


def test_readiness_of_nothing_is_never_a_pass(shop: Shop) -> None:
    (shop.project / "ci-ops.yml").unlink()
    report = shop.play("readiness", readiness)
    assert (report.verdict, report.exit_code) == ("nothing-measured", 4)


def test_readiness_shows_what_is_wrong_with_the_file(shop: Shop) -> None:
    shop.write_config("version: 1\nverfy: {}\n")
    report = shop.play("readiness", readiness)
    assert report.exit_code == 1
    (result,) = [each for each in report.results if each.check == "config-file"]
    assert "verfy" in str(result.findings)


def test_findings_are_ignored_for_a_reason_until_a_day(shop: Shop) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    shop.write_config(
        CONFIG + 'ignore:\n  revision/stale: {reason: "blue and green on purpose", until: 2999-01-01}\n'
    )
    report = shop.verify(revision=TWO)
    assert report.status.is_good
    assert any("blue and green" in note for note in report.notes)


def test_a_broken_file_stops_every_other_command(shop: Shop) -> None:
    shop.write_config("version: 1\nverfy: {}\n")
    with pytest.raises(CiOpsError) as caught:
        shop.verify()
    assert caught.value.exit_code == 2


def test_a_job_without_a_commit_is_told_without_one(shop: Shop) -> None:
    shop.notify(NotifyOptions(status="failure"))
    assert "The job failed." in shop.service.told[-1]


def test_what_cannot_be_written_at_the_end_is_a_note_and_changes_no_verdict(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.service.folder / "revision").write_text(ONE)
    state = shop.project / ".ci-ops"
    (state / "shop" / "production" / "last-report.json").mkdir(parents=True)
    (state / "verify" / "verify.json").mkdir(parents=True)
    assert shop.verify(revision=ONE).verdict == "ok"
    said = capsys.readouterr().err
    assert "note: Not kept for later commands: " in said
    assert "verify.json is not written: it cannot be used: Is a directory" in said
    assert (state / "verify" / "verify.md").is_file()
