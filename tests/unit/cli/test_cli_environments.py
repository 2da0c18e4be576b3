"""Environments with the names that teams give them on GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.cli import Terminal
from tests.support.github_client import TOKEN
from tests.support.github_double import GitHubDouble
from tests.support.runner_rules import read_log
from tests.support.shop import ONE

DEPLOY = ("deploy", "--no-verify", "--run", "true", "--undo", "true", "--revision", ONE, "--format", "json")


@pytest.fixture
def github(terminal: Terminal) -> Iterator[GitHubDouble]:
    with GitHubDouble("org/shop", token=TOKEN) as double:
        terminal.on_a_runner(GITHUB_API_URL=double.url)
        terminal.set(CI_OPS_DEPLOY_TOKEN=TOKEN)
        yield double


@pytest.mark.parametrize("name", ["prod", "dev", "Production EU", "review/pr-12"])
def test_github_the_record_and_the_history_have_the_name_that_was_written(
    terminal: Terminal, github: GitHubDouble, name: str
) -> None:
    said = terminal.run(*DEPLOY, "-e", name)
    assert said.code == 0, said.err
    assert json.loads(said.out)["record"]["environment"] == name
    assert [each["environment"] for each in github.deployments] == [name]
    assert ONE[:7] in terminal.run("history", "-e", name.upper()).out
    assert ONE[:7] not in terminal.run("history", "-e", "production").out


def test_the_state_of_an_environment_stays_below_the_state_folder(
    terminal: Terminal, github: GitHubDouble
) -> None:
    assert terminal.run(*DEPLOY, "-e", "review/pr-12").code == 0
    state = terminal.folder / "temp" / "ci-ops"
    assert (state / "shop" / "review%2Fpr-12" / "ledger.jsonl").is_file()
    assert terminal.run(*DEPLOY, "-e", "../../out").code == 2


def test_an_environment_that_the_file_does_not_list_is_named_with_what_was_probably_meant(
    terminal: Terminal, github: GitHubDouble
) -> None:
    terminal.write("ci-ops.yml", "version: 1\nenvironments: {staging: }\n")
    said = terminal.run(*DEPLOY, "-e", "stagign")
    assert said.code == 0
    sentence = "the file lists no environment stagign, so its own values hold; did you mean staging?"
    assert any(sentence in each for each in json.loads(said.out)["notes"])
    (warning,) = read_log(said.err).annotations("warning")
    assert (warning.properties["file"], warning.properties["line"]) == ("ci-ops.yml", "2")
    assert sentence in warning.data
