"""`ci-ops verify`: what it says, where it writes it, and how it ends."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci_ops import __version__
from tests.support.cli import Terminal
from tests.support.runner_rules import parse_file, read_log
from tests.support.shop import ONE, TWO, Service, serving
from tests.support.web import refusing


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "live") as running:
        (tmp_path / "live" / "revision").write_text(ONE)
        yield running


DEBUG = ("--log-level", "debug", "--log-file", "deploy.log")


def test_a_good_service_is_told_in_lines_for_people(terminal: Terminal, service: Service) -> None:
    terminal.run("verify", "--url", f"{service.url}/health", "--revision", ONE).assert_golden("verify-good")


def test_another_revision_than_the_expected_is_a_finding(terminal: Terminal, service: Service) -> None:
    said = terminal.run("verify", "--url", f"{service.url}/health", "--revision", TWO, "--deadline", "0")
    said.assert_golden("verify-old-revision")


def test_a_service_that_nobody_serves_is_a_failure(terminal: Terminal) -> None:
    terminal.write("ci-ops.yml", "version: 1\nverify: {checks: {health: {}}}\n")
    with refusing() as port:
        said = terminal.run("verify", "--url", f"http://127.0.0.1:{port}/health", "--deadline", "0")
    said.assert_golden("verify-refused")


def test_a_channel_whose_address_is_missing_is_left_out_with_a_note(
    terminal: Terminal, service: Service
) -> None:
    terminal.write("ci-ops.yml", "notify: {channels: {team: {type: slack, webhook-url: '${TEAM_HOOK}'}}}\n")
    said = terminal.run("verify", "--url", f"{service.url}/health")
    assert "note: The channel team is left out: the variable TEAM_HOOK is not set." in said.err
    assert said.code == 0


@pytest.mark.parametrize("name", ["text", "json", "markdown"])
def test_stdout_carries_the_asked_format_and_nothing_else(
    terminal: Terminal, service: Service, name: str
) -> None:
    said = terminal.run("verify", "--url", f"{service.url}/health", "--format", name)
    assert said.code == 0
    beginning = {"text": "PASS: verify", "json": "{", "markdown": "#"}[name]
    assert said.out.startswith(beginning)
    if name == "json":
        assert json.loads(said.out)["status"] == "pass"
    assert said.out not in said.err


def test_a_report_says_when_about_what_and_by_which_versions_it_was_made(
    terminal: Terminal, service: Service
) -> None:
    url = f"{service.url}/health"
    for command, arguments in {
        "readiness": (),
        "verify": ("--url", url),
        "notify": ("--to", "console"),
    }.items():
        terminal.run(command, *arguments, "--environment", "staging", "--report", "report.json")
        report = json.loads((terminal.folder / "report.json").read_text())
        made = report["provenance"]
        assert (report["command"], made["environment"]) == (command, "staging")
        assert made["service"] == terminal.folder.name
        assert abs(datetime.now(UTC) - datetime.fromisoformat(made["at"])) < timedelta(hours=1)
        assert made["versions"] == {"ci-ops": __version__, "python": platform.python_version()}
    terminal.run("verify", "--url", url, "--revision", "a" * 40, "--deadline", "0", "--report", "report.json")
    assert json.loads((terminal.folder / "report.json").read_text())["provenance"]["revision"] == "a" * 40


def test_reports_are_written_wherever_they_are_wanted_by_their_extension(
    terminal: Terminal, service: Service
) -> None:
    names = ("out/report.json", "out/deep/report.md", "report.txt")
    said = terminal.run("verify", "--url", f"{service.url}/health", "--report", "\n".join(names))
    assert said.code == 0
    texts = [(terminal.folder / name).read_text() for name in names]
    assert json.loads(texts[0])["command"] == "verify"
    assert texts[1].startswith("#")
    assert texts[2].startswith("PASS: verify")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--report", "report.pdf"), "verify-unknown-extension"),
        (("--format", "jsn"), "verify-unknown-format"),
        (("--config", "nowhere.yml"), "verify-no-config"),
        (("--log-file", "shop.log/x"), "verify-log-file"),
        ((), "verify-no-address"),
        (("--url", "shop.example.com"), "verify-bad-address"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_or_mistyped_is_said_before_the_work(
    terminal: Terminal, arguments: tuple[str, ...], name: str
) -> None:
    terminal.write("shop.log", "")
    terminal.run("verify", *arguments).assert_golden(name)


def test_every_problem_of_the_configuration_is_said_at_once_with_its_line(terminal: Terminal) -> None:
    terminal.write("ci-ops.yml", "version: 1\nverfy: {}\nverify:\n  deadline: soon\n  checks: {helth: {}}\n")
    said = terminal.run("verify")
    said.assert_golden("verify-bad-config")
    files = terminal.on_a_runner()
    annotations = read_log(terminal.run("verify").err).annotations("error")
    assert [(each.properties["file"], each.properties["line"]) for each in annotations] == [
        ("ci-ops.yml", "2"),
        ("ci-ops.yml", "4"),
        ("ci-ops.yml", "5"),
    ]
    outputs = parse_file(files["GITHUB_OUTPUT"].read_bytes())
    assert outputs["status"] == "error"


def test_a_runner_gets_outputs_a_summary_and_annotations(terminal: Terminal, service: Service) -> None:
    files = terminal.on_a_runner(CI_OPS_VERIFY_URL=f"{service.url}/health", CI_OPS_VERIFY_REVISION=TWO)
    terminal.set(CI_OPS_VERIFY_DEADLINE="0", CI_OPS_VERIFY_TOKEN="", CI_OPS_VERIFY_REPORT="a.json\nb.md")
    said = terminal.run("verify")
    said.assert_golden("verify-on-a-runner")
    outputs = parse_file(files["GITHUB_OUTPUT"].read_bytes())
    assert outputs | {"report": "", "summary": ""} == {
        "status": "fail",
        "reason": "findings",
        "report": "",
        "summary": "",
        "deployment-id": "",
        "github-deployment-id": "",
        "changed": "false",
    }
    assert json.loads(Path(outputs["report"]).read_text())["status"] == "fail"
    assert Path(outputs["summary"]).read_text() == files["GITHUB_STEP_SUMMARY"].read_text()
    assert (terminal.folder / "a.json").exists()
    assert [each.properties["title"] for each in read_log(said.err).annotations("error")] == [
        "ci-ops verify: revision/stale"
    ]
    assert not (terminal.folder / ".ci-ops").exists()


def test_the_log_goes_where_it_is_wanted_in_the_wanted_form(terminal: Terminal, service: Service) -> None:
    log = ("--log-level", "debug", "--log-format", "json", "--log-file", "deep/verify.log")
    said = terminal.run("verify", "--url", f"{service.url}/health", *log)
    assert said.code == 0
    lines = (terminal.folder / "deep" / "verify.log").read_text().splitlines()
    messages = [str(json.loads(line)["message"]) for line in lines]
    assert any(each.startswith("configuration none, environment production") for each in messages)
    assert any(each.startswith(f"GET {service.url}/health: 200 in ") for each in messages)


def test_the_log_tells_the_programs_and_the_journal_but_no_secret(
    terminal: Terminal, service: Service
) -> None:
    terminal.set(SHOP_TOKEN="tok3n-0123456789")
    run = 'echo "$SHOP_TOKEN" > seen'
    address = service.url.replace("http://", "http://mona:pa55word@")
    said = terminal.run("deploy", "--revision", ONE, "--run", run, "--undo", "true", "--url", address, *DEBUG)
    log = (terminal.folder / "deploy.log").read_text()
    assert said.code in {0, 5}
    assert "exit code 0 in" in log
    assert "applied" in log
    assert "tok3n-0123456789" not in log
    assert "pa55word" not in log


def test_a_warning_blocks_where_that_is_wanted(terminal: Terminal, service: Service) -> None:
    (service.folder / "revision").write_text(ONE)
    address = ("verify", "--url", service.url, "--deadline", "0")
    assert terminal.run(*address).code == 0
    assert terminal.run(*address, "--fail-on", "warn").code in {0, 1}
