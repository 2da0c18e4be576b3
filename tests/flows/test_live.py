"""What is live is measured; records are evidence beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci_ops.core.delivery.journal_file import SUFFIX
from ci_ops.core.delivery.ledger import LEDGER_FILE, LedgerError
from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError
from ci_ops.core.report import Report
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.flows.rollback import RollbackOptions
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, Shop, id_of

NO_VERIFY = DeployOptions(verify=False)
HEAD = CONFIG[: CONFIG.index("    type: command")]
VERIFY = CONFIG[CONFIG.index("verify:") :]
RELEASES = """\
    type: releases
    path: PLACE
    fetch: 'printf %s "$DEPLOYMENT_REVISION" > "$DEPLOYMENT_RELEASE_DIR/revision"'
"""
RELOAD = '    reload: \'cat "PLACE/current/revision" > "$SHOP/revision"\'\n'


def host_of(folder: Path, service: Service, *, reload: str = RELOAD, verify: str = VERIFY) -> Shop:
    """A shop on target `releases`."""
    target = f"{RELEASES}{reload}".replace("PLACE", str(folder / "srv"))
    return Shop(project=folder / "host", service=service, config=f"{HEAD}{target}{verify}")


def notes(report: Report) -> str:
    return "\n".join(report.notes)


def point_to(folder: Path, release: str) -> None:
    """Switch the link by hand, past ci-ops."""
    link = folder / "srv" / "current"
    link.unlink()
    link.symlink_to(f"releases/{release}")


def test_unchanged_is_said_only_of_what_the_service_says_now(shop: Shop) -> None:
    shop.deploy(ONE)
    assert shop.deploy(ONE).verdict == "unchanged"
    (shop.service.folder / "revision").write_text(TWO)
    report = shop.deploy(ONE)
    assert (report.verdict, shop.service.revision) == ("ok", ONE)
    assert "2222222 was measured to be live" in notes(report)


def test_unchanged_is_said_only_of_what_the_link_says_now(tmp_path: Path, service: Service) -> None:
    host = host_of(tmp_path, service)
    first = host.deploy(ONE)
    host.deploy(TWO)
    point_to(tmp_path, id_of(first))
    report = host.deploy(TWO)
    assert report.verdict == "ok"
    assert f"{id_of(first)} was measured to be live" in notes(report)
    assert report.record is not None
    assert report.record.previous == id_of(first)


def test_processes_of_another_release_than_the_links_are_named(tmp_path: Path, service: Service) -> None:
    host = host_of(tmp_path, service)
    host.deploy(ONE)
    host.deploy(TWO)
    (service.folder / "revision").write_text(ONE)
    report = host.deploy(THREE)
    assert "live release is 2222222, but the service answers with 1111111" in notes(report)


def test_where_nothing_can_be_measured_nothing_is_called_live(shop: Shop) -> None:
    shop.write_config(
        f"{CONFIG[: CONFIG.index('verify:')]}verify: {{checks: {{page: {{type: command, run: 'true'}}}}}}\n"
    )
    shop.deploy(ONE)
    assert shop.deploy(ONE).verdict == "ok"
    assert shop.service.log == [f"run {ONE}"] * 2


def test_a_command_of_the_target_measures_what_is_live(shop: Shop) -> None:
    live = "type: command\n    live: 'cat \"$SHOP/revision\" || true'"
    page = "verify: {checks: {page: {type: command, run: 'true'}}}\n"
    shop.write_config(f"{CONFIG[: CONFIG.index('verify:')]}{page}".replace("type: command", live, 1))
    shop.deploy(ONE)
    assert shop.deploy(ONE).verdict == "unchanged"
    (shop.service.folder / "revision").write_text(TWO)
    assert shop.deploy(ONE).verdict == "ok"


def test_a_release_that_is_down_can_be_replaced_without_force(tmp_path: Path, service: Service) -> None:
    host = host_of(tmp_path, service)
    host.deploy(ONE)
    service.make_sick(ONE)
    report = host.deploy(TWO)
    assert (report.verdict, service.revision) == ("ok", TWO)
    assert "does not answer (its address answers 503)" in notes(report)


def test_a_release_that_is_down_is_not_called_live_and_verified(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(ONE)
    report = shop.deploy(ONE)
    assert report.verdict != "unchanged"
    assert shop.service.log[:2] == [f"run {ONE}"] * 2


def test_a_dead_service_can_be_rolled_back(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    shop.service.make_sick(TWO)
    assert shop.rollback().verdict == "ok"
    assert shop.service.revision == ONE


def test_a_service_that_this_runner_cannot_reach_is_deployed_to_by_force(shop: Shop) -> None:
    shop.deploy(ONE)
    unreachable = CONFIG.replace("URL", shop.service.url.replace("http:", "https:"))
    shop.write_config(unreachable.replace("deadline: 0", "deadline: 0\n  on-error: hold"))
    with pytest.raises(CiOpsError) as caught:
        shop.deploy(TWO)
    assert (caught.value.reason.name, shop.service.revision) == ("unreachable-baseline", ONE)
    report = shop.deploy(TWO, DeployOptions(force=True))
    assert shop.service.log[:2] == [f"run {ONE}", f"run {TWO}"]
    assert "cannot be reached before the deployment" in notes(report)


def test_a_release_that_is_not_live_is_neither_verified_nor_marked(tmp_path: Path, service: Service) -> None:
    host = host_of(tmp_path, service)
    first = host.deploy(ONE)
    second = host.deploy(TWO, NO_VERIFY)
    third = host.deploy(THREE)
    before = host.history
    for each in (first, second):
        with pytest.raises(CiOpsError) as caught:
            host.verify(id_of(each))
        assert (caught.value.reason.name, caught.value.exit_code) == ("not-live", 4)
    point_to(tmp_path, id_of(first))
    with pytest.raises(CiOpsError, match="is not live on the target"):
        host.verify(id_of(third))
    assert host.history == before


def test_what_answers_is_verified_although_a_later_deployment_is_recorded(shop: Shop) -> None:
    second = shop.deploy(TWO)
    shop.write_config(CONFIG.replace("run: '", "run: 'exit 0; "))
    later = shop.deploy(THREE, NO_VERIFY)
    report = shop.verify(id_of(second))
    assert (report.verdict, report.record and report.record.state) == ("ok", State.VERIFIED)
    assert "2222222" in notes(report) or id_of(second) in notes(report)
    assert shop.verify(id_of(later)).verdict == "findings", "the last one has to answer for itself"


def test_a_release_that_a_rollback_made_live_can_be_verified(shop: Shop) -> None:
    first = shop.deploy(ONE)
    shop.deploy(TWO)
    shop.rollback()
    assert shop.verify(id_of(first)).verdict == "ok"


def test_a_proof_without_a_revision_still_wants_the_right_link(tmp_path: Path, service: Service) -> None:
    health = VERIFY.replace("    revision: {connections: 2}\n", "")
    host = host_of(tmp_path, service, verify=health)
    first = host.deploy(ONE)
    host.deploy(TWO)
    back = (
        f"    health: 'ln -sfn releases/$(ls {tmp_path}/srv/releases | tail -n 1) {tmp_path}/srv/current'\n"
    )
    host.write_config(host.config.replace(RELOAD.replace("PLACE", str(tmp_path / "srv")), back))
    report = host.rollback()
    assert report.verdict == "rollback-failed"
    assert f"not {id_of(first)}" in [result.sentence for result in report.proof][-1]


def test_a_build_that_fails_touches_no_live_release(tmp_path: Path, service: Service) -> None:
    host = host_of(tmp_path, service)
    host.deploy(ONE)
    service.make_sick(ONE)  # it is down: a proof of the previous release could not hold
    host.write_config(host.config.replace("reload:", "build: 'exit 3'\n    reload:"))
    report = host.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("deploy-failed", 5)
    assert "The live release was not touched." in report.sentence
    assert [each.event.rpartition("/")[2] for each in report.deliveries][-1] == "deployment.failed"
    assert [path.name for path in (tmp_path / "srv/releases").iterdir()] == [host.history[1].id]
    assert host.deploy(TWO).verdict == "deploy-failed", "nothing is left unfinished"


def test_steps_without_an_undo_that_changed_nothing_are_no_failed_rollback(shop: Shop) -> None:
    shop.deploy(ONE)
    lines = [line for line in CONFIG.splitlines() if not line.lstrip().startswith("undo:")]
    shop.write_config("\n".join(lines).replace("run: '", "run: 'exit 4; ") + "\n")
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("deploy-failed", 5)
    assert "1111111 still serves, as measured" in report.sentence


def test_a_first_deployment_that_is_undone_says_what_is_live_then(tmp_path: Path, service: Service) -> None:
    service.make_sick(ONE)
    stays = host_of(tmp_path, service)
    report = stays.deploy(ONE)
    assert (report.verdict, report.exit_code) == ("no-previous-release", 5)
    assert "still served by processes of the failed release" in report.sentence
    assert "previous release" not in report.sentence
    assert "whole" not in report.sentence


def test_a_first_deployment_that_is_undone_leaves_nothing_live(shop: Shop) -> None:
    shop.service.make_sick(ONE)
    report = shop.deploy(ONE)
    assert report.verdict == "no-previous-release"
    assert "nothing is live now" in report.sentence
    assert shop.history[0].state is State.ROLLED_BACK


SKIPPED = VERIFY.replace("    revision: {connections: 2}\n    health: {successes: 1}\n", "    tls: {}\n")


def test_what_only_skips_is_neither_accepted_nor_rolled_back(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.write_config(CONFIG.replace(VERIFY, SKIPPED))
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code) == ("nothing-measured", 4)
    assert (shop.service.revision, shop.history[0].state) == (TWO, State.UNVERIFIED)
    alone = shop.verify(id_of(report))
    assert (alone.verdict, shop.history[0].state) == (report.verdict, State.UNVERIFIED)


def test_a_check_that_skips_beside_others_decides_nothing(shop: Shop) -> None:
    shop.write_config(CONFIG.replace("health: {successes: 1}", "health: {successes: 1}\n    tls: {}"))
    report = shop.deploy(ONE)
    assert report.verdict == "ok"
    assert shop.verify(id_of(report)).verdict == "ok"


def test_availability_covers_a_good_deployment_from_its_change_to_its_end(shop: Shop) -> None:
    assert shop.deploy(ONE).availability is None, "nothing was served before the first deployment"
    shop.write_config(CONFIG.replace("run: '", "run: 'sleep 0.3; "))
    seen = shop.deploy(TWO).availability
    assert seen is not None
    assert seen.requests >= 3


def test_a_ledger_that_fails_once_the_release_serves_is_a_warning(shop: Shop) -> None:
    shop.deploy(ONE)
    (ledger,) = shop.project.rglob(LEDGER_FILE)
    shop.write_config(CONFIG.replace("run: '", f"run: 'mv {ledger} {ledger}.gone; mkdir {ledger}; "))
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code, shop.service.revision) == ("warned", 0, TWO)
    assert "ledger.jsonl" in notes(report)


def test_a_bad_release_is_rolled_back_although_the_ledger_fails(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.service.make_sick(TWO)
    (ledger,) = shop.project.rglob(LEDGER_FILE)
    shop.write_config(CONFIG.replace("run: '", f"run: 'mv {ledger} {ledger}.gone; mkdir {ledger}; "))
    report = shop.deploy(TWO)
    assert (report.verdict, shop.service.revision) == ("rolled-back", ONE)


def test_two_services_of_one_project_know_nothing_of_each_other(tmp_path: Path, shop: Shop) -> None:
    shop.deploy(ONE)
    web = shop.config.replace("service: shop", "service: web").replace("$SHOP/log", "$SHOP/web")
    shop.write_config(web)
    assert shop.history == []
    assert shop.deploy(ONE).verdict == "ok"
    assert (shop.service.folder / "web").read_text() == f"run {ONE}\n"
    with pytest.raises(CiOpsError) as caught:
        shop.rollback()
    assert caught.value.reason.name == "no-rollback-target"
    assert [record.service for record in shop.history] == ["web"]


def test_a_record_of_a_run_that_died_before_its_first_step_is_completed(shop: Shop) -> None:
    shop.deploy(ONE)
    job = shop.open("deploy", revision=TWO).job
    store = job.site.store

    class Dying:
        """A ledger that ends the run when it is opened, as a kill does."""

        def __getattr__(self, name: str) -> object:
            return getattr(job.site.ledger, name)

        def open(self, _record: object) -> object:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(replace(job, site=replace(job.site, ledger=Dying())), DeployOptions())  # type: ignore[arg-type]
    assert len(store.names(SUFFIX)) == 2
    assert len(shop.history) == 1
    assert shop.deploy(TWO).verdict == "ok"
    assert [record.state for record in shop.history] == [State.VERIFIED, State.VERIFIED]


def test_a_deployment_that_a_ledger_refused_stands_in_no_ones_way(shop: Shop) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    job = shop.open("deploy", revision=THREE).job

    class Refusing:
        """GitHub where required checks have failed: it opens no deployment."""

        def __getattr__(self, name: str) -> object:
            return getattr(job.site.ledger, name)

        def open(self, _record: object) -> object:
            raise LedgerError("GitHub refused", kind="conflict")

    with pytest.raises(LedgerError):
        deploy(replace(job, site=replace(job.site, ledger=Refusing())), DeployOptions())  # type: ignore[arg-type]
    assert [record.revision for record in shop.history] == [TWO, ONE]
    assert shop.rollback().verdict == "ok"
    assert shop.service.log[-1] == f"back {ONE}"
    assert [record.kind for record in shop.history] == ["rollback", "deployment", "deployment"]


def test_a_rollback_of_this_run_is_refused_once_another_deployment_is_live(shop: Shop) -> None:
    shop.deploy(ONE)
    second = shop.deploy(TWO, NO_VERIFY)
    shop.deploy(THREE)
    with pytest.raises(CiOpsError) as caught:
        shop.rollback(RollbackOptions(deployment_id=id_of(second)))
    assert (caught.value.reason.name, shop.service.revision) == ("not-live", THREE)
