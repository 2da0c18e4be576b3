"""Projects in folders of one repository, on a laptop and in a job."""

from __future__ import annotations

import json

import pytest

from tests.support.caller import Caller
from tests.support.cli import Said, Terminal
from tests.support.runner_rules import read_log

CHECKS = "version: 1\nreadiness: {checks: {compiles: {}}}\n"


@pytest.fixture
def api(terminal: Terminal) -> Terminal:
    """A terminal at the root of a repository with two services; that of `services/api` does not compile."""
    terminal.folder.rmdir()
    project = Caller(terminal.folder)
    terminal.monkeypatch.chdir(terminal.folder)
    for name, source in (("api", "def broken(:\n"), ("web", "x = 1\n")):
        project.write(f"services/{name}/ci-ops.yml", CHECKS)
        project.write(f"services/{name}/app.py", source)
    project.commit()
    return terminal


def places(said: Said) -> set[str]:
    """The files that the annotations are shown at."""
    return {each.properties["file"] for each in read_log(said.err).commands if "file" in each.properties}


@pytest.mark.parametrize("is_job", [False, True])
def test_the_folder_of_a_run_step_counts(api: Terminal, is_job: bool) -> None:
    if is_job:
        api.on_a_runner()
    api.monkeypatch.chdir(api.folder / "services" / "api")
    said = api.run("readiness")
    assert said.code == 1
    assert places(said) == ({"services/api/app.py"} if is_job else set())
    api.monkeypatch.chdir(api.folder / "services" / "web")
    assert api.run("readiness").code == 0


def test_the_input_names_the_folder_of_the_project(api: Terminal) -> None:
    api.on_a_runner(CI_OPS_READINESS_DIRECTORY="services/api")
    said = api.run("readiness")
    assert (said.code, places(said)) == (1, {"services/api/app.py"})


def test_commands_run_in_the_folder_of_the_project_and_its_name_is_the_services(api: Terminal) -> None:
    api.on_a_runner()
    options = ("--run", "pwd >where", "--undo", "true", "--no-verify", "--format", "json")
    said = api.run("deploy", "--directory", "services/web", *options)
    assert said.code == 0, said.err
    report = json.loads(said.out)
    assert report["record"]["service"] == "web"
    assert (api.folder / "services" / "web" / "where").is_file()


def test_a_problem_of_the_configuration_is_shown_at_its_place_in_the_workspace(api: Terminal) -> None:
    api.write("services/web/ci-ops.yml", "version: 1\nverfy: {}\n")
    api.on_a_runner()
    said = api.run("verify", "--directory", "services/web")
    assert (said.code, places(said)) == (2, {"services/web/ci-ops.yml"})
    said = api.run("config", "check", "--directory", "services/web")
    assert (said.code, places(said)) == (2, {"services/web/ci-ops.yml"})
    api.write("services/web/ci-ops.yml", "version: [\n")
    assert places(api.run("config", "check", "--directory", "services/web")) == {"services/web/ci-ops.yml"}


def test_the_configuration_of_a_folder_is_checked_and_shown(api: Terminal) -> None:
    assert "1 check" in api.run("config", "check", "--directory", "services/api").out
    assert "compiles" in api.run("config", "show", "--directory", "services/api").out


@pytest.mark.parametrize(
    "command",
    ["readiness", "deploy", "verify", "notify", "rollback", "history", "config check", "config show"],
)
def test_a_folder_that_is_not_there_is_named(terminal: Terminal, command: str) -> None:
    said = terminal.run(*command.split(), "--directory", "services/apy")
    assert said.code == 2
    assert "error: directory: there is no folder services/apy" in said.err
