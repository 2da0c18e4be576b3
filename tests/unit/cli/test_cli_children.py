"""Which variables the programs see that a command starts, each of them a real child."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ci_ops.core.child_environment import BASE, GIT, PYTHON, tool_environment
from tests.support.caller import Caller
from tests.support.cli import Terminal
from tests.support.spied import Spied

OTHER = "3.8"
"""A Python that this project asks for, and that ours is not."""
SECRETS = {
    "GITHUB_TOKEN": "ghs-of-the-job",
    "SLACK_WEBHOOK_URL": "https://hooks.example.net/T0/B0/x",
    "CI_OPS_ENV": "DEPLOY_PASSWORD=hunter2hunt",
    "LEGACY": "named-like-no-secret",
    "GIT_TOKEN": "named-like-git",
    "PYTHON_KEYRING": "named-like-python",
    "ACTIONS_RUNTIME_TOKEN": "of-the-runner",
    "CI_OPS_HISTORY_TOKEN": "an-input-of-ours",
}
USERS = {"GITHUB_TOKEN", "SLACK_WEBHOOK_URL", "DEPLOY_PASSWORD", "LEGACY", "GIT_TOKEN", "PYTHON_KEYRING"}
ADDED = ("GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "PWD", "SHLVL", "_")
"""What our call of git and the shell of the stand-in add."""
CONFIG = """\
version: 1
readiness:
  checks:
    git-state: {}
    compiles: {}
    mine: {type: command, run: mine}
    env-vars: {app: "settings:contract", python: PYTHON_OF_APP}
deploy: {verify: false, target: {type: command, run: mine, undo: mine}}
"""
SETTINGS = """\
from ci_ops.service import Contract, Variable
contract = Contract((Variable("LEGACY"),))
"""


def test_programs_of_ours_get_what_they_need_by_name_and_those_of_users_the_jobs_environment(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(tmp_path / "caller")
    tools = Spied(tmp_path / "tools", "git")
    pythons = Spied(tmp_path / "pythons", f"python{OTHER}", "python3", "of-app", real=sys.executable)
    users = Spied(tmp_path / "users", "mine", real="/bin/true")
    caller.write("settings.py", SETTINGS)
    caller.write(".python-version", f"{OTHER}\n")
    caller.commit()
    monkeypatch.chdir(caller.folder)
    folders = (tools.folder, pythons.folder, users.folder, "/usr/bin", "/bin")
    terminal.set(PATH=os.pathsep.join(map(str, folders)), HOME=str(tmp_path), **SECRETS)
    terminal.run("init")
    of_init = len(tools.seen("git"))
    caller.write("ci-ops.yml", CONFIG.replace("PYTHON_OF_APP", str(pythons.folder / "of-app")))
    terminal.run("readiness")
    terminal.run("deploy")

    assert of_init
    for program, seen in {
        "git": tools.seen("git"),
        f"python{OTHER}": pythons.seen(f"python{OTHER}"),
        "python3": pythons.seen("python3"),
    }.items():
        assert seen, f"{program} was not started"
        for env in seen:
            assert env == tool_environment(env, BASE, GIT, PYTHON, ADDED), program
            assert "PATH" in env
    for env in (*users.seen("mine"), *pythons.seen("of-app")):
        assert set(env) >= USERS
        assert not set(env) & {"CI_OPS_ENV", "ACTIONS_RUNTIME_TOKEN", "CI_OPS_HISTORY_TOKEN"}
    assert len(users.seen("mine")) >= 2
    assert pythons.seen("of-app")


def test_names_are_compared_without_case_and_a_star_ends_a_prefix() -> None:
    env = {"Path": "p", "https_proxy": "x", "LC_TIME": "C", "GIT_CONFIG_COUNT": "1", "LCX": "", "PATHS": ""}
    assert set(tool_environment(env)) == {"Path", "https_proxy", "LC_TIME"}
    assert set(tool_environment(env, GIT)) == {"Path", "https_proxy", "LC_TIME", "GIT_CONFIG_COUNT"}
