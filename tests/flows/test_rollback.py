from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError, UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.report import Report, StepState
from ci_ops.edge.clock import StopSignal
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.rollback import RollbackOptions
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, Shop, id_of

NO_VERIFY = DeployOptions(verify=False)


def test_the_last_verified_release_is_brought_back_and_proven(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    report = shop.rollback(RollbackOptions(reason="orders are slow"))
    assert (report.verdict, report.exit_code) == ("ok", 0)
    assert report.record is not None
    assert (report.record.kind, report.record.revision, report.record.reason) == (
        "rollback",
        ONE,
        "orders are slow",
    )
    assert all(result.status.is_good for result in report.proof)
    assert report.availability is not None
    assert shop.service.revision == ONE
    states = [(record.kind, record.state) for record in shop.history]
    assert states == [
        ("rollback", State.VERIFIED),
        ("deployment", State.ROLLED_BACK),
        ("deployment", State.VERIFIED),
    ]
    assert any("orders are slow" in text for text in shop.service.told)


def test_an_unverified_release_is_never_chosen(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO, NO_VERIFY)
    shop.deploy(THREE)
    assert shop.rollback().verdict == "ok"
    assert shop.service.revision == ONE


def test_a_second_rollback_goes_further_back_not_forth(shop: Shop) -> None:
    for revision in (ONE, TWO, THREE):
        shop.deploy(revision)
    shop.rollback()
    assert shop.service.revision == TWO
    shop.rollback()
    assert shop.service.revision == ONE


@pytest.mark.parametrize("by", ["id", "revision", "short"])
def test_a_release_can_be_named(shop: Shop, by: str) -> None:
    first = shop.deploy(ONE)
    shop.deploy(TWO)
    shop.deploy(THREE)
    name = {"id": id_of(first), "revision": ONE, "short": ONE[:7]}[by]
    assert shop.rollback(RollbackOptions(to=name)).verdict == "ok"
    assert shop.service.revision == ONE


def test_a_release_that_was_never_verified_is_refused_by_name_too(shop: Shop) -> None:
    named = shop.deploy(ONE, NO_VERIFY)
    shop.deploy(TWO)
    before = shop.history
    with pytest.raises(CiOpsError) as caught:
        shop.rollback(RollbackOptions(to=id_of(named)))
    assert (caught.value.reason.name, caught.value.exit_code) == ("never-verified", 4)
    assert (shop.service.revision, shop.history) == (TWO, before)


def test_an_unknown_name_is_refused(shop: Shop) -> None:
    shop.deploy(ONE)
    with pytest.raises(CiOpsError) as caught:
        shop.rollback(RollbackOptions(to="7777777"))
    assert (caught.value.reason.name, caught.value.exit_code) == ("unknown-deployment", 4)


def test_without_a_verified_release_there_is_nowhere_to_go(shop: Shop) -> None:
    shop.deploy(ONE)
    with pytest.raises(CiOpsError) as caught:
        shop.rollback()
    assert caught.value.reason.name == "no-rollback-target"
    assert shop.service.revision == ONE


def test_a_rollback_that_cannot_be_proven_has_failed(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.service.make_sick(ONE)
    report = shop.rollback()
    assert (report.verdict, report.status, report.exit_code) == ("rollback-failed", Status.FAIL, 6)
    assert shop.history[0].state is State.FAILED
    assert report.deliveries[-1].event.endswith("rollback.failed")


def test_a_rollback_command_that_fails_says_so(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.write_config(CONFIG.replace("rollback: '", "rollback: 'exit 9; "))
    report = shop.rollback()
    assert report.verdict == "rollback-failed"
    assert shop.service.revision == TWO


def test_this_runs_deployment_is_undone_by_its_own_journal(shop: Shop) -> None:
    shop.deploy(ONE)
    second = shop.deploy(TWO, NO_VERIFY)
    report = shop.rollback(RollbackOptions(deployment_id=id_of(second)))
    assert report.verdict == "ok"
    assert shop.service.log == [f"run {ONE}", f"run {TWO}", "undo"]
    assert shop.rollback(RollbackOptions(deployment_id=id_of(second))).verdict == "unchanged"


def test_a_killed_deployment_is_undone_from_its_journal_alone(shop: Shop) -> None:
    shop.deploy(ONE)
    stop = StopSignal()
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -TERM $PPID; sleep 30; "))
    opened = shop.open("deploy", stop=stop, revision=TWO)
    with stop.listening():
        deploy(opened.job, DeployOptions())
    shop.write_config("version: 1\nservice: shop\n")
    report = shop.rollback()
    assert report.verdict == "ok"
    assert [result.check for result in report.proof] == ["revision", "health", "endpoints"]
    assert shop.service.revision == ONE


def test_a_rollback_that_was_stopped_is_finished_by_the_next(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    command = 'rollback: \'test -e "$SHOP/fast" || kill -TERM $PPID; test -e "$SHOP/fast" || sleep 30; '
    shop.write_config(CONFIG.replace("rollback: '", command))
    stop = StopSignal()
    before = signal.getsignal(signal.SIGTERM)
    with stop.listening():
        report = shop.rollback(stop=stop)
    assert signal.getsignal(signal.SIGTERM) is before
    assert report.verdict == "terminated"
    (shop.service.folder / "fast").touch()
    again = shop.rollback()
    assert again.verdict == "ok"
    assert id_of(again) == id_of(report)
    assert shop.service.revision == ONE


def test_a_release_that_is_named_replaces_one_that_cannot_be_taken_back(shop: Shop) -> None:
    good = shop.deploy(ONE)
    shop.service.make_sick(TWO)
    shop.write_config(CONFIG.replace("undo: '", "undo: 'exit 3; "))
    assert shop.deploy(TWO).verdict == "rollback-failed"
    shop.write_config(CONFIG)
    with pytest.raises(CiOpsError) as caught:
        shop.deploy(THREE)
    assert caught.value.exit_code == 6
    assert "rollback --to" in caught.value.hint

    report = shop.rollback(RollbackOptions(to=id_of(good)))

    assert report.verdict == "ok"
    assert any("replaces it" in note for note in report.notes)
    assert shop.service.revision == ONE
    assert shop.deploy(THREE).verdict == "ok"


def test_an_unfinished_deployment_is_taken_back_before_going_further(shop: Shop) -> None:
    good = shop.deploy(ONE)
    shop.deploy(TWO)
    stop = StopSignal()
    shop.write_config(CONFIG.replace("run: '", "run: 'kill -TERM $PPID; sleep 30; "))
    opened = shop.open("deploy", stop=stop, revision=THREE)
    with stop.listening():
        deploy(opened.job, DeployOptions())
    shop.write_config(CONFIG)

    report = shop.rollback(RollbackOptions(to=id_of(good)))

    assert report.verdict == "ok"
    assert [step.phase for step in report.steps] == ["undo", "rollback"]
    assert shop.service.revision == ONE


def test_a_dry_run_shows_where_it_would_go(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    report = shop.rollback(dry_run=True)
    assert [step.state for step in report.steps] == [StepState.PLANNED]
    assert "1111111" in report.sentence
    assert shop.service.revision == TWO


def test_without_a_target_it_says_what_is_missing(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.write_config("version: 1\nservice: shop\n")
    with pytest.raises(UsageError, match="nothing says how"):
        shop.rollback()


def test_a_release_that_is_gone_is_said_before_anything_changes(tmp_path: Path, service: Service) -> None:
    place = tmp_path / "srv"
    target = "{type: releases, path: PLACE, keep: 1, fetch: 'true', reload: 'cat \"$SHOP/next\" > \"$SHOP/revision\"'}"
    head, rest = CONFIG.split("  target:\n")
    config = f"{head}  target: {target}\n{rest[rest.index('verify:') :]}".replace("PLACE", str(place))
    shop = Shop(project=tmp_path / "project", service=service, config=config)
    first, *_ = [deployed(shop, revision) for revision in (ONE, TWO, THREE)]

    with pytest.raises(CiOpsError) as caught:
        shop.rollback(RollbackOptions(to=id_of(first)))

    assert (caught.value.reason.name, caught.value.exit_code) == ("release-gone", 4)
    assert id_of(first) in str(caught.value)
    assert [record.kind for record in shop.history] == ["deployment"] * 3
    following = deployed(shop, "4" * 40).record
    assert following is not None
    assert following.previous_revision == THREE


def deployed(shop: Shop, revision: str) -> Report:
    """A good deployment on target `releases`."""
    (shop.service.folder / "next").write_text(revision)
    report = shop.deploy(revision)
    assert report.verdict == "ok"
    return report
