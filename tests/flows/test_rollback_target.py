"""Which release a rollback goes to, whatever happened before it."""

from __future__ import annotations

import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ci_ops.core.delivery.ledger import LEDGER_FILE
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError
from ci_ops.core.event import Delivery, Event
from ci_ops.core.report import Report
from ci_ops.edge.clock import StopSignal
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.rollback import RollbackOptions, rollback
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, Shop, id_of
from tests.support.sinks import CallSink

FOUR = "4" * 40
NO_VERIFY = DeployOptions(verify=False)
AGAIN = DeployOptions(force=True)
RELEASES = """\
    type: releases
    path: PLACE
    fetch: 'printf %s "$DEPLOYMENT_REVISION" > "$DEPLOYMENT_RELEASE_DIR/revision"'
    reload: 'cat "PLACE/current/revision" > "$SHOP/revision"; echo "live $DEPLOYMENT_REVISION" >> "$SHOP/log"'
"""


def states(shop: Shop) -> list[tuple[str, str, State]]:
    """Kind, first digit and state of every record, newest first."""
    return [(record.kind, record.revision[:1], record.state) for record in shop.history]


def refused(shop: Shop, wanted: RollbackOptions | None = None, **options: object) -> str:
    """The reason of a rollback that is refused, and that must have touched nothing."""
    before = (shop.history, shop.service.log, shop.service.revision, len(shop.service.told))
    with pytest.raises(CiOpsError) as caught:
        shop.rollback(wanted, **options)
    assert (shop.history, shop.service.log, shop.service.revision, len(shop.service.told)) == before
    assert caught.value.exit_code == 4
    return caught.value.reason.name


@pytest.fixture
def host(tmp_path: Path, service: Service) -> Shop:
    """A shop on target `releases`, whose service serves what the link names after each reload."""
    head, _, tail = CONFIG.partition("    type: command\n")
    target = RELEASES.replace("PLACE", str(tmp_path / "srv"))
    return Shop(
        project=tmp_path / "host", service=service, config=f"{head}{target}{tail[tail.index('verify:') :]}"
    )


def test_rollbacks_go_back_one_by_one_and_never_forward(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    for wanted in (TWO, ONE):
        assert shop.rollback().verdict == "ok"
        assert shop.service.revision == wanted
    assert refused(shop) == "no-rollback-target"
    assert refused(shop, dry_run=True) == "no-rollback-target"


def test_every_record_of_a_release_that_is_left_is_marked(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.rollback()
    shop.rollback()
    assert states(shop) == [
        ("rollback", "1", State.VERIFIED),
        ("rollback", "2", State.ROLLED_BACK),
        ("deployment", "3", State.ROLLED_BACK),
        ("deployment", "2", State.ROLLED_BACK),
        ("deployment", "1", State.VERIFIED),
    ]


def test_what_a_rollback_has_left_is_no_way_back_later(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.rollback()
    shop.deploy(FOUR)
    shop.rollback()
    assert shop.service.revision == TWO


def test_a_release_that_was_left_can_be_named_and_is_verified_again(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.rollback()
    assert shop.rollback(RollbackOptions(to=THREE)).verdict == "ok"
    assert ("deployment", "3", State.VERIFIED) in states(shop)
    shop.deploy(FOUR)
    shop.rollback()
    assert shop.service.revision == THREE


def test_a_release_that_is_live_and_verified_needs_no_rollback_to_it(shop: Shop) -> None:
    shop.deploy(ONE)
    log = shop.service.log
    report = shop.rollback(RollbackOptions(to=ONE))
    assert (report.verdict, report.changed, shop.service.log) == ("unchanged", False, log)


def test_the_same_commit_deployed_again_is_no_way_back(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.deploy(TWO, AGAIN)
    assert shop.rollback().verdict == "ok"
    assert shop.service.revision == ONE
    shop.deploy(THREE)
    shop.rollback()
    assert shop.service.revision == ONE, "the other deployment of the commit that was left is left, too"


def test_after_a_failed_proof_the_same_release_is_tried_again(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.service.make_sick(TWO)
    assert shop.rollback().verdict == "rollback-failed"
    assert ("deployment", "3", State.ROLLED_BACK) in states(shop)
    shop.service.make_sick()
    report = shop.rollback()
    assert report.verdict == "ok"
    assert shop.service.revision == TWO


def test_after_a_failed_command_the_release_that_is_live_is_left_again(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.write_config(CONFIG.replace("rollback: '", "rollback: 'exit 9; "))
    assert shop.rollback().verdict == "rollback-failed"
    assert ("deployment", "3", State.VERIFIED) in states(shop)
    shop.write_config(CONFIG)
    shop.rollback()
    assert shop.service.revision == TWO


def test_a_rollback_stopped_in_its_proof_is_proven_by_the_next(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.service.make_sick(ONE)
    shop.write_config(CONFIG.replace("deadline: 0", "deadline: 30s"))
    stop = StopSignal()
    job = shop.open("rollback", stop=stop).job

    def stop_when_begun(event: Event) -> tuple[Delivery, ...]:
        if event.name == "rollback.started":
            while shop.service.revision != ONE:
                job.world.clock.sleep(0.01)
            stop.request(signal.SIGTERM)
        return ()

    assert (
        rollback(replace(job, sinks=(CallSink(stop_when_begun),)), RollbackOptions()).verdict == "terminated"
    )
    shop.service.make_sick()
    again = shop.rollback()
    assert (again.verdict, shop.service.revision) == ("ok", ONE)
    assert [record.kind for record in shop.history] == ["rollback", "deployment", "deployment"]


def test_a_deployment_after_an_unfinished_rollback_never_brings_back_what_was_left(host: Shop) -> None:
    host.deploy(ONE)
    host.deploy(TWO)
    config = host.config.replace("reload: '", "reload: 'kill -TERM $PPID; sleep 30; ")
    host.write_config(config)
    stop = StopSignal()
    with stop.listening():
        assert host.rollback(stop=stop).verdict == "terminated"
    host.write_config(host.config)
    log = host.service.log
    report = host.deploy(THREE)
    assert report.verdict == "ok"
    assert host.service.log[len(log) :] == [f"live {THREE}"]
    assert any("supersedes it" in note for note in report.notes)


def test_a_release_whose_folder_is_gone_is_passed_over_with_a_word(host: Shop, tmp_path: Path) -> None:
    first = host.deploy(ONE)
    second = host.deploy(TWO)
    host.deploy(THREE)
    shutil.rmtree(tmp_path / "srv" / "releases" / id_of(second))
    report = host.rollback()
    assert (report.verdict, host.service.revision) == ("ok", ONE)
    assert any(id_of(second) in note and "gone" in note for note in report.notes)
    shutil.rmtree(tmp_path / "srv" / "releases" / id_of(first))
    host.deploy(FOUR)
    for is_dry in (False, True):
        assert refused(host, dry_run=is_dry) == "no-rollback-target"
        assert refused(host, RollbackOptions(to=ONE), dry_run=is_dry) == "release-gone"


@pytest.mark.parametrize("options", [{}, {"dry_run": True}])
def test_a_name_that_leads_nowhere_is_refused_with_its_own_reason(
    shop: Shop, options: dict[str, object]
) -> None:
    shop.deploy(ONE)
    named = shop.deploy(TWO, NO_VERIFY)
    shop.deploy(THREE)
    unknown = "20200101T000000Z-abcdefa"
    assert refused(shop, RollbackOptions(to=unknown), **options) == "unknown-deployment"
    assert refused(shop, RollbackOptions(to=id_of(named)), **options) == "never-verified"
    assert refused(shop, RollbackOptions(deployment_id=unknown), **options) == "unknown-deployment"
    assert refused(shop, RollbackOptions(deployment_id=id_of(named)), **options) == "not-live"


def test_a_first_release_has_nothing_before_it(shop: Shop) -> None:
    shop.deploy(ONE)
    assert refused(shop) == "no-rollback-target"


def test_without_an_address_the_recorded_one_proves_the_rollback(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.write_config(CONFIG[: CONFIG.index("verify:")])
    report = shop.rollback()
    assert report.verdict == "ok"
    assert {"revision", "health"} <= {result.check for result in report.proof}


def test_a_rollback_that_nothing_measures_is_not_called_proven(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.write_config(f"{CONFIG[: CONFIG.index('verify:')]}verify:\n  url: URL\n  checks: {{tls: {{}}}}\n")
    report = shop.rollback()
    assert (report.verdict, report.exit_code) == ("unproven", 3)
    assert shop.history[0].state is State.UNVERIFIED


class Ledger:
    """The lines of the ledger in the state folder."""

    def __init__(self, shop: Shop) -> None:
        (self.path,) = shop.project.rglob(LEDGER_FILE)

    def keep(self, wanted: object) -> None:
        """Keep the lines that speak of other records, and the first of this one: its run died after it."""
        assert isinstance(wanted, DeploymentRecord)
        seen = 0
        lines = []
        for line in self.path.read_text().splitlines(keepends=True):
            is_its = f'"id": "{wanted.id}"' in line
            seen += is_its
            if not is_its or seen == 1:
                lines.append(line)
        self.path.write_text("".join(lines))


def test_a_deployment_whose_run_died_before_the_ledger_knew_counts(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.deploy(THREE)
    Ledger(shop).keep(shop.history[0])
    assert shop.history[0].state is State.RUNNING
    assert shop.rollback().verdict == "ok"
    assert shop.service.revision == TWO
    assert ("deployment", "3", State.ROLLED_BACK) in states(shop)


def test_a_damaged_line_of_the_ledger_is_named_and_the_journal_stands_in(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    ledger = Ledger(shop).path
    lines = ledger.read_text().splitlines(keepends=True)
    number = max(
        at for at, line in enumerate(lines, 1) if '"verified"' in line and TWO in line and ONE in line
    )
    lines[number - 1] = lines[number - 1][:40] + "\n"
    ledger.write_text("".join(lines))
    report = shop.rollback()
    assert shop.service.revision == TWO
    assert any(f"cannot be read at line {number}" in note for note in report.notes)


def test_a_dry_run_that_would_undo_names_a_damaged_line_of_the_ledger(shop: Shop) -> None:
    shop.deploy(ONE)
    stop = StopSignal()
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -TERM $PPID; sleep 30; "))
    opened = shop.open("deploy", stop=stop, revision=TWO)
    with stop.listening():
        stopped = deploy(opened.job, DeployOptions())
    ledger = Ledger(shop).path
    ledger.write_text("{torn\n" + ledger.read_text())
    report = shop.rollback(dry_run=True)
    assert report.sentence == f"{id_of(stopped)} would be undone."
    assert any("cannot be read at line 1" in note for note in report.notes)


def test_a_rollback_whose_run_died_before_its_report_is_reported_not_repeated(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    died = rollback(shop.open("rollback").job, RollbackOptions())  # its session is never closed
    report = shop.rollback()
    assert (report.verdict, shop.service.revision) == ("unchanged", TWO)
    assert f"{id_of(died)} rolled back to 2222222 already" in report.sentence
    shop.rollback()
    assert shop.service.revision == ONE


def test_a_rollback_by_name_to_a_release_that_fails_its_checks_is_done_again(shop: Shop) -> None:
    first = shop.deploy(ONE)
    shop.service.make_sick(ONE)
    report = shop.rollback(RollbackOptions(to=id_of(first)))
    assert report.verdict == "rollback-failed"
    assert shop.service.log == [f"run {ONE}", f"back {ONE}"]


def test_a_refused_rollback_keeps_what_a_later_verification_found(shop: Shop) -> None:
    first = shop.deploy(ONE)
    shop.service.make_sick(ONE)
    assert shop.verify(id_of(first)).verdict == "findings"
    assert states(shop) == [("deployment", "1", State.FAILED)]
    assert refused(shop) == "no-rollback-target"


def test_a_refused_rollback_by_name_undoes_nothing(host: Shop) -> None:
    host.deploy(ONE)
    host.write_config(host.config.replace("reload: '", "reload: 'kill -TERM $PPID; sleep 30; "))
    stop = StopSignal()
    with stop.listening():
        assert host.deploy(TWO, stop=stop).verdict == "terminated"
    host.write_config(host.config)
    before = (host.history, host.service.log, host.service.revision)
    for name, reason in (("20200101T000000Z-abcdef1", "unknown-deployment"), (TWO, "never-verified")):
        with (
            StopSignal().listening(),
            pytest.raises(CiOpsError) as caught,
        ):  # an undo would signal this process
            host.rollback(RollbackOptions(to=name))
        assert caught.value.reason.name == reason
    assert (host.history, host.service.log, host.service.revision) == before


def test_a_named_deployment_that_is_live_again_after_a_failed_one_is_undone(host: Shop) -> None:
    host.deploy(ONE)
    second = host.deploy(TWO, NO_VERIFY)
    host.service.make_sick(TWO, THREE)
    assert host.deploy(THREE).verdict == "rollback-failed"
    assert host.service.revision == TWO
    assert host.rollback(RollbackOptions(deployment_id=id_of(second))).verdict == "ok"
    assert host.service.revision == ONE


def test_a_refusal_names_no_release_as_live_that_was_not_measured(shop: Shop) -> None:
    first, second = shop.deploy(ONE), shop.deploy(TWO)
    named = RollbackOptions(deployment_id=id_of(first))
    with pytest.raises(CiOpsError, match=rf"{id_of(second)} was measured to be live"):
        shop.rollback(named)
    with socket.socket() as unused:  # bound, but it does not listen
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(CiOpsError, match=rf"{id_of(second)} was recorded after it"):
            shop.rollback(named, url=f"http://127.0.0.1:{unused.getsockname()[1]}")


def test_a_named_deployment_that_is_measured_to_be_away_is_not_undone(shop: Shop) -> None:
    shop.deploy(ONE)
    second = shop.deploy(TWO, NO_VERIFY)
    (journal,) = shop.project.rglob(f"{id_of(second)}.journal.jsonl")
    journal.unlink()
    (shop.service.folder / "revision").write_text(ONE)
    assert refused(shop, RollbackOptions(deployment_id=id_of(second))) == "not-live"


def rollback_in_run(shop: Shop, number: int) -> Report:
    """Roll back in a job of that run of a workflow."""
    url = f"https://github.example/org/app/actions/runs/{number}"
    return shop.play(
        "rollback",
        lambda job: rollback(replace(job, origin=replace(job.origin, run_url=url)), RollbackOptions()),
    )


def test_a_job_that_is_run_again_goes_no_further_back(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    assert [rollback_in_run(shop, 7).verdict, rollback_in_run(shop, 7).verdict] == ["ok", "unchanged"]
    assert shop.service.revision == TWO
    assert rollback_in_run(shop, 8).verdict == "ok"
    assert shop.service.revision == ONE


def test_a_rollback_after_a_failed_deployment_of_the_same_run_is_a_new_rollback(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    assert rollback_in_run(shop, 7).verdict == "ok"
    shop.service.make_sick(FOUR)
    assert shop.deploy(FOUR).verdict == "rolled-back"
    assert shop.service.revision == TWO
    assert rollback_in_run(shop, 7).verdict == "ok"
    assert shop.service.revision == ONE
