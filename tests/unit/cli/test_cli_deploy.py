"""`ci-ops deploy`, `rollback` and `history`: what they say and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_ops.core.ports.lease import Holder
from ci_ops.edge.lease import FileLease
from tests.support.cli import Terminal
from tests.support.reports import NOW
from tests.support.runner_rules import parse_file
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, serving


@pytest.fixture
def service(tmp_path: Path, terminal: Terminal) -> Iterator[Service]:
    with serving(tmp_path / "live") as running:
        terminal.set(SHOP=str(running.folder), SHOP_WEBHOOK=f"{running.url}/services/shop")
        terminal.write("ci-ops.yml", CONFIG.replace("URL", running.url))
        yield running


def test_a_first_deployment_tells_each_step(terminal: Terminal, service: Service) -> None:
    terminal.run("deploy", "--revision", ONE).assert_golden("deploy-first")
    assert service.revision == ONE


def test_a_dry_run_shows_what_would_be_done_and_does_nothing(terminal: Terminal, service: Service) -> None:
    terminal.run("deploy", "--revision", ONE, "--dry-run").assert_golden("deploy-dry-run")
    assert service.log == []
    assert service.messages == []


def test_a_bad_release_ends_with_5_and_the_proof_of_the_way_back(
    terminal: Terminal, service: Service
) -> None:
    terminal.run("deploy", "--revision", ONE)
    service.make_sick(TWO)
    said = terminal.run("deploy", "--revision", TWO)
    assert said.code == 5
    assert "rolled back" in said.out.lower()
    assert service.revision == ONE


def test_a_failing_step_shows_the_tail_of_its_output(terminal: Terminal, service: Service) -> None:
    text = (terminal.folder / "ci-ops.yml").read_text()
    terminal.write(
        "ci-ops.yml", text.replace("run: '", "run: 'echo no room; echo ::error::injected; exit 4; ")
    )
    terminal.run("deploy", "--revision", ONE).assert_golden("deploy-failing-step")


def test_a_held_lock_ends_with_7_and_the_way_out(terminal: Terminal, service: Service) -> None:
    lease = FileLease(terminal.folder / ".ci-ops" / "shop" / "production").acquire(
        Holder(name="octocat", since=NOW)
    )
    try:
        said = terminal.run("deploy", "--revision", ONE)
    finally:
        lease.release()
    assert (said.code, said.out) == (7, "")
    assert "held by octocat" in said.err
    assert "hint: Wait until it has finished" in said.err
    assert service.log == []


def test_commands_can_be_given_without_a_file(terminal: Terminal, service: Service) -> None:
    (terminal.folder / "ci-ops.yml").unlink()
    commands = ("--run", f"echo {ONE} > {service.folder}/revision", "--undo", "true")
    said = terminal.run(
        "deploy", *commands, "--url", f"{service.url}/health", "--revision", ONE, "--deadline", "0"
    )
    assert said.code == 0, said.err
    terminal.run("deploy", "--undo", "true", "--revision", ONE).assert_golden("deploy-undo-alone")


def test_the_verdict_can_be_left_to_a_later_step(terminal: Terminal, service: Service) -> None:
    files = terminal.on_a_runner(CI_OPS_DEPLOY_REVISION=ONE, CI_OPS_DEPLOY_VERIFY="false")
    assert terminal.run("deploy").code == 0
    outputs = parse_file(files["GITHUB_OUTPUT"].read_bytes())
    assert (outputs["changed"], outputs["reason"]) == ("true", "ok")
    terminal.set(CI_OPS_VERIFY_DEPLOYMENT_ID=outputs["deployment-id"])
    assert terminal.run("verify").code == 0
    terminal.run("history").assert_golden("history-verified")


def test_what_a_dead_runner_left_open_is_closed_and_nothing_else(
    terminal: Terminal, service: Service
) -> None:
    terminal.run("deploy", "--finish").assert_golden("deploy-finish-nothing")
    assert service.log == []


def test_history_is_newest_first_and_as_long_as_asked_for(terminal: Terminal, service: Service) -> None:
    terminal.run("history").assert_golden("history-empty")
    for revision in (ONE, TWO, THREE):
        assert terminal.run("deploy", "--revision", revision).code == 0
    lines = terminal.run("history", "--limit", "2").out.splitlines()
    assert [line.split()[3] for line in lines] == [THREE[:7], TWO[:7]]


def test_rollback_goes_to_the_last_verified_release_and_says_why(
    terminal: Terminal, service: Service
) -> None:
    for revision in (ONE, TWO):
        terminal.run("deploy", "--revision", revision)
    terminal.write("why.txt", "orders are lost\n")
    terminal.run("rollback", "--reason-file", "why.txt").assert_golden("rollback")
    assert service.revision == ONE


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--reason", "a", "--reason-file", "b"), "rollback-two-reasons"),
        (("--reason-file", "nowhere.txt"), "rollback-no-file"),
        (("--to", "fffffff"), "rollback-unknown"),
        ((), "rollback-nothing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rollback_to_nowhere_is_refused(
    terminal: Terminal, service: Service, arguments: tuple[str, ...], name: str
) -> None:
    terminal.run("rollback", *arguments).assert_golden(name)
    assert service.log == []


def test_a_channel_without_its_secret_stops_neither_a_deployment_nor_a_rollback(
    terminal: Terminal, service: Service
) -> None:
    config = terminal.folder / "ci-ops.yml"
    config.write_text(config.read_text().replace("SHOP_WEBHOOK", "NOT_THERE"))
    note = "note: The channel team is left out: the variable NOT_THERE is not set."
    for command in (
        ("deploy", "--revision", ONE),
        ("deploy", "--revision", TWO),
        ("rollback", "--dry-run"),
        ("rollback",),
    ):
        said = terminal.run(*command)
        assert said.code == 0, said.err
        assert note in said.err
    assert service.revision == ONE
    assert service.messages == []
    told = terminal.run("notify", "--status", "success")
    assert told.code == 2
    assert "the variable NOT_THERE is not set" in told.err
