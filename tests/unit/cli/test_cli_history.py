"""`ci-ops history` and `deploy --finish`: what is known, what is live, and that they say so when they cannot see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.github_client import TOKEN
from tests.support.github_double import GitHubDouble
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, serving

DEPLOY = ("deploy", "--run", "true", "--undo", "true", "--no-verify", "--revision", ONE)


@pytest.fixture
def service(tmp_path: Path, terminal: Terminal) -> Iterator[Service]:
    with serving(tmp_path / "live") as running:
        terminal.set(SHOP=str(running.folder), SHOP_WEBHOOK=f"{running.url}/services/shop")
        terminal.write("ci-ops.yml", CONFIG.replace("URL", running.url))
        yield running


def listed(terminal: Terminal, *options: str) -> dict[str, Any]:
    said = terminal.run("history", "--format", "json", *options)
    assert said.code == 0, said.err
    document: dict[str, Any] = json.loads(said.out)
    return document


def live_of(document: dict[str, Any]) -> list[str]:
    return [each["revision"] for each in document["deployments"] if each["live"]]


def test_what_answers_is_marked_not_what_was_recorded_last(terminal: Terminal, service: Service) -> None:
    for revision in (ONE, TWO, THREE):
        assert terminal.run("deploy", "--revision", revision).code == 0
    assert live_of(listed(terminal)) == [THREE]
    (service.folder / "revision").write_text(ONE)
    document = listed(terminal)
    assert (live_of(document), document["live"]["revision"]) == ([ONE], ONE)
    assert any("was measured to be live" in note for note in document["notes"])
    lines = terminal.run("history").out.splitlines()
    assert [("(live)" in line) for line in lines] == [False, False, True]


def test_nothing_is_called_live_where_nothing_could_be_measured(terminal: Terminal) -> None:
    assert terminal.run(*DEPLOY).code == 0
    said = terminal.run("history")
    assert "(live)" not in said.out
    assert "note: What is live was not measured: neither the target nor the service reports it." in said.err
    document = listed(terminal)
    assert (document["live"], [each["live"] for each in document["deployments"]]) == (None, [None])


def test_a_release_that_no_record_knows_is_said(terminal: Terminal, service: Service) -> None:
    assert terminal.run("deploy", "--revision", ONE).code == 0
    (service.folder / "revision").write_text(TWO)
    document = listed(terminal)
    assert (live_of(document), document["live"]["release"], document["live"]["revision"]) == ([], "", TWO)
    assert f"note: What is live is in no record: {TWO[:7]}." in terminal.run("history").err


def test_the_measurement_can_be_left_out(terminal: Terminal, service: Service) -> None:
    assert terminal.run("deploy", "--revision", ONE).code == 0
    said = terminal.run("history", "--no-live")
    assert (said.code, said.err, "(live)" in said.out) == (0, "", False)


def test_reasons_and_destinations_are_listed(terminal: Terminal, service: Service) -> None:
    for revision in (ONE, TWO):
        assert terminal.run("deploy", "--revision", revision).code == 0
    first = listed(terminal)["deployments"][1]["id"]
    assert terminal.run("rollback", "--reason", "orders are lost").code == 0
    newest = terminal.run("history").out.splitlines()[0]
    assert newest.endswith(f"  to {first}  orders are lost")
    service.make_sick(THREE)
    assert terminal.run("deploy", "--revision", THREE).code == 5
    assert "verification" in terminal.run("history").out.splitlines()[0]


def test_a_format_that_it_does_not_have_is_refused(terminal: Terminal) -> None:
    said = terminal.run("history", "--format", "markdown")
    assert said.code == 2
    assert "hint: One of: text, json." in said.err


def test_records_beside_releases_whose_folder_is_not_known_are_not_called_none(
    terminal: Terminal, tmp_path: Path
) -> None:
    target = "deploy: {verify: false, target: {type: releases, path: '${SITE}', fetch: 'true'}}"
    terminal.write("ci-ops.yml", f"version: 1\nservice: shop\n{target}\n")
    terminal.set(SITE=str(tmp_path / "srv"))
    assert terminal.run("deploy", "--revision", ONE).code == 0
    assert "(live)" in terminal.run("history").out
    terminal.monkeypatch.delenv("SITE")
    said = terminal.run("history")
    assert (said.code, said.out) == (3, "")
    assert "the target's folder is not known, the variable SITE is not set" in said.err


@pytest.fixture
def github(terminal: Terminal) -> Iterator[GitHubDouble]:
    with GitHubDouble("org/shop", token=TOKEN) as double:
        terminal.on_a_runner(GITHUB_API_URL=double.url)
        yield double


COMMANDS = [("history",), ("deploy", "--finish")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[-1])
def test_a_job_without_a_token_cannot_see_and_says_so(
    terminal: Terminal, github: GitHubDouble, command: tuple[str, ...]
) -> None:
    said = terminal.run(*command)
    assert (said.code, said.out) == (3, "")
    assert "cannot be read: this runner keeps no records, and no token was given" in said.err
    assert "hint: Give the input `token`" in said.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[-1])
@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_github_that_does_not_answer_is_no_empty_history(
    terminal: Terminal, github: GitHubDouble, command: tuple[str, ...], status: int
) -> None:
    github.fail(status, times=99)
    said = terminal.run(*command, "--token", TOKEN)
    assert (said.code, said.out) == (3, "")
    assert "could not read the deployments of production" in said.err


def test_a_record_that_could_not_be_closed_is_not_called_closed(
    terminal: Terminal, github: GitHubDouble
) -> None:
    assert terminal.run(*DEPLOY, "--token", TOKEN).code == 0
    github.deployments[0]["statuses"] = github.deployments[0]["statuses"][:1]
    terminal.set(RUNNER_TEMP=str(terminal.folder / "another"))
    (terminal.folder / "another").mkdir()
    github.permissions["deployments"] = "read"
    said = terminal.run("deploy", "--finish", "--token", TOKEN)
    assert said.code == 3
    assert "could not write the status interrupted" in said.err
    github.permissions["deployments"] = "write"
    said = terminal.run("deploy", "--finish", "--token", TOKEN)
    assert said.code == 1
    assert "Closed one deployment that a lost runner left open." in said.err
    assert github.states() == [["in_progress", "error"]]


def test_what_the_job_itself_did_is_listed_with_a_note_that_it_is_not_all(
    terminal: Terminal, github: GitHubDouble
) -> None:
    assert terminal.run(*DEPLOY).code == 0
    said = terminal.run("history")
    assert (said.code, ONE[:7] in said.out) == (0, True)
    assert "note: There may be more deployments than these: this runner keeps no records" in said.err


def test_a_listing_is_written_to_files_too(terminal: Terminal, service: Service) -> None:
    assert terminal.run("deploy", "--revision", ONE).code == 0
    files = [terminal.folder / "list.txt", terminal.folder / "list.json"]
    said = terminal.run("history", "--report", "\n".join(map(str, files)))
    assert (said.code, files[0].read_text()) == (0, said.out)
    assert live_of(json.loads(files[1].read_text())) == [ONE]
    refused = terminal.run("history", "--report", "list.md")
    assert refused.code == 2
    assert "history writes no such file as list.md" in refused.err
