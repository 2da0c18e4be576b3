"""Tokens and repositories away from a runner, and what happens without the extra `github`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_ops.core.git import Git
from ci_ops.edge.world import RealWorld
from ci_ops.session.github import repository_of
from tests.support.caller import Caller
from tests.support.checking import clean_env
from tests.support.cli import Terminal
from tests.support.github_client import TOKEN
from tests.support.github_double import GitHubDouble

GITHUB = "https://github.com"
DEPLOY = ("deploy", "--run", "true", "--undo", "true", "--no-verify")


@pytest.fixture
def project(terminal: Terminal) -> Caller:
    """The repository `org/shop`, on a laptop."""
    terminal.folder.rmdir()
    project = Caller(terminal.folder)
    terminal.monkeypatch.chdir(terminal.folder)
    project.write("ci-ops.yml", "version: 1\nservice: shop\n")
    project.commit()
    project.git("remote", "set-url", "origin", "git@github.com:org/shop.git")
    return project


@pytest.fixture
def github(terminal: Terminal) -> Iterator[GitHubDouble]:
    with GitHubDouble("org/shop", token=TOKEN) as double:
        terminal.set(GITHUB_API_URL=double.url)
        yield double


def test_a_token_option_works_on_a_laptop(terminal: Terminal, project: Caller, github: GitHubDouble) -> None:
    assert terminal.run(*DEPLOY, "--token", TOKEN).code == 0
    assert len(github.deployments) == 1


def test_the_variable_github_token_works_on_a_laptop(
    terminal: Terminal, project: Caller, github: GitHubDouble
) -> None:
    terminal.set(GITHUB_TOKEN=TOKEN)
    assert terminal.run(*DEPLOY).code == 0
    assert len(github.deployments) == 1
    assert project.git("rev-parse", "--short=7", "HEAD") in terminal.run("history").out


def test_an_actions_empty_input_is_not_overruled_by_the_variable(
    terminal: Terminal, project: Caller, github: GitHubDouble
) -> None:
    terminal.set(GITHUB_TOKEN=TOKEN, CI_OPS_DEPLOY_TOKEN="")
    assert terminal.run(*DEPLOY).code == 0
    assert github.requests == []


def test_a_token_without_a_known_repository_is_refused_only_where_it_was_given(
    terminal: Terminal, project: Caller, github: GitHubDouble
) -> None:
    project.git("remote", "set-url", "origin", "https://gitlab.example.com/org/shop.git")
    said = terminal.run(*DEPLOY, "--token", TOKEN)
    assert said.code == 2
    assert "error: token: a token is given, but not for which repository on GitHub" in said.err
    terminal.set(GITHUB_TOKEN=TOKEN)
    assert terminal.run(*DEPLOY).code == 0
    assert github.requests == []
    terminal.set(GITHUB_REPOSITORY="org/shop")
    assert terminal.run(*DEPLOY, "--force").code == 0
    assert github.deployments


@pytest.mark.parametrize(
    ("remote", "repository"),
    [
        ("https://github.com/org/shop", "org/shop"),
        ("https://mona@github.com/org/shop.git", "org/shop"),
        ("git@github.com:org/my.shop.git", "org/my.shop"),
        ("ssh://git@github.com:22/org/shop.git/", "org/shop"),
        ("github.com:org/shop", "org/shop"),
        ("https://example.com/github.com/org/shop", ""),
        ("https://github.com.example.com/org/shop", ""),
        ("https://github.com@example.com/org/shop", ""),
        ("/srv/git/shop.git", ""),
    ],
)
def test_the_repository_is_read_from_the_remote_of_that_server_alone(
    project: Caller, remote: str, repository: str
) -> None:
    project.git("remote", "set-url", "origin", remote)
    git = Git(project.folder, RealWorld(env=clean_env()))
    assert repository_of(git, GITHUB) == repository
    assert repository_of(git, "https://ghes.example.com") == ""


def bare(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command where PyGithub is not installed."""
    blocked = folder.parent / "blocked"
    blocked.mkdir(exist_ok=True)
    hide = "import sys\nsys.meta_path.insert(0, type('Hide', (), {'find_spec': staticmethod(find)}))\n"
    find = "def find(name, path=None, target=None):\n    if name == 'github': raise ModuleNotFoundError(name=name)\n"
    (blocked / "sitecustomize.py").write_text(find + hide)
    return subprocess.run(
        [sys.executable, "-m", "ci_ops", *words],
        cwd=folder,
        env={**clean_env(PYTHONPATH=f"{blocked}:{Path(__file__).parents[3]}"), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_the_extra_a_token_is_a_usage_error_with_the_line_that_installs_it(project: Caller) -> None:
    done = bare(project.folder, *DEPLOY, "--token", TOKEN)
    assert done.returncode == 2
    assert 'hint: pipx install "ci-ops[cli,github]"' in done.stderr


def test_without_the_extra_a_variable_that_may_be_for_another_tool_is_a_note(project: Caller) -> None:
    done = bare(project.folder, *DEPLOY, "--format", "json", GITHUB_TOKEN=TOKEN)
    assert (done.returncode, json.loads(done.stdout)["record"]["state"]) == (0, "unverified")
    assert "the deployments of org/shop are left out" in done.stderr
    assert 'pipx install "ci-ops[cli,github]"' in done.stderr
