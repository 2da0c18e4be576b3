"""Each action.yml says what its command takes and gives, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from ci_ops.cli import cli
from tests.support.action_files import ACTIONS, action, command
from tests.support.parts import ROOT, require
from tests.support.runner_rules import parse_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STDOUT_ONLY = {"format", "log_format", "log_file"}
"""Options that make no sense where the log is the only output that people see."""
ACTION_ONLY = {"python": "CI_OPS_PYTHON"}
"""Inputs that are answered before any command runs."""
FROM_CONTEXT = {"token": "${{ github.token }}", ("notify", "status"): "${{ job.status }}"}
FREE_TEXT = {"notify": {"sentence"}, "rollback": {"reason"}}
OUTPUTS = {"status", "reason", "report", "summary", "deployment-id", "github-deployment-id", "changed"}
SAMPLES = {"deadline": ("90", 90.0), "fail-on": ("warn", "warn"), "on-error": ("hold", "hold")}
COLORS = {"white", "yellow", "blue", "green", "orange", "red", "purple", "gray-dark"}

every_action = pytest.mark.parametrize("name", ACTIONS)


def options(name: str) -> dict[str, click.Option]:
    """The options that an action offers, by the name of the input."""
    offered = [each for each in command(name).params if isinstance(each, click.Option)]
    return {(each.name or "").replace("_", "-"): each for each in offered if each.name not in STDOUT_ONLY}


def parsed(name: str, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command understands of these variables, with nothing on its command line."""
    with monkeypatch.context() as patch:
        for variable, value in environ.items():
            patch.setenv(variable, value)
        parent = click.Context(cli, info_name="ci-ops", auto_envvar_prefix="CI_OPS")
        return command(name).make_context(name, [], parent=parent).params


def variable(name: str, each: str) -> str:
    return f"CI_OPS_{name}_{each}".upper().replace("-", "_")


@every_action
def test_an_action_offers_exactly_the_options_of_its_command(name: str) -> None:
    assert set(action(name)["inputs"]) == set(options(name)) | set(ACTION_ONLY)


@every_action
def test_inputs_and_options_are_described_and_filled_in_alike(name: str) -> None:
    for each, option in options(name).items():
        row = action(name)["inputs"][each]
        usual = option.default
        text = str(usual).lower() if isinstance(usual, bool) else str(usual or "")
        default = FROM_CONTEXT.get(each) or FROM_CONTEXT.get((name, each)) or text
        assert (each, row) == (each, {"description": option.help, "default": default})
        assert not option.required


@every_action
def test_every_input_reaches_its_option_through_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (step,) = action(name)["runs"]["steps"]
    own = {variable(name, each): f"${{{{ inputs.{each} }}}}" for each in options(name)}
    own |= {where: f"${{{{ inputs.{each} }}}}" for each, where in ACTION_ONLY.items()}
    assert step["env"] == own | {"CI_OPS_CHECK_RUN_ID": "${{ job.check_run_id }}"}
    for each, option in options(name).items():
        given, understood = SAMPLES.get(each, ("a b\nc", "a b\nc"))
        if option.is_flag:
            given, understood = "true", True
        elif isinstance(option.type, click.Choice):
            given = understood = option.type.choices[-1]
        elif option.type.name == "lines":
            understood = ("a b", "c")
        assert parsed(name, {variable(name, each): given}, monkeypatch)[option.name or ""] == understood


@every_action
def test_inputs_that_are_left_out_mean_what_options_that_are_left_out_mean(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = {variable(name, each): "" for each in options(name)}
    as_defaults = {
        variable(name, each): row["default"]
        for each, row in action(name)["inputs"].items()
        if each in options(name) and "${{" not in row["default"]
    }
    nothing = parsed(name, {}, monkeypatch)
    assert parsed(name, left_out, monkeypatch) == nothing
    assert parsed(name, as_defaults, monkeypatch) == nothing


def test_an_input_wins_over_the_variable_that_names_the_file_for_all_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = {"CI_OPS_CONFIG": "a.yml", "CI_OPS_VERIFY_CONFIG": "b.yml"}
    assert parsed("verify", both, monkeypatch)["config"] == "b.yml"


@every_action
def test_free_text_may_come_in_a_file_because_a_variable_holds_128_kib(name: str) -> None:
    twins = {each.removesuffix("-file") for each in action(name)["inputs"] if each.endswith("-file")}
    assert twins == FREE_TEXT.get(name, set())
    assert twins <= set(action(name)["inputs"])


@every_action
def test_an_action_is_one_step_that_becomes_the_command(name: str) -> None:
    runs = action(name)["runs"]
    (step,) = runs["steps"]
    assert runs["using"] == "composite"
    assert step["shell"] == "bash"
    assert set(step) == {"id", "shell", "env", "run"}
    assert "${{" not in step["run"]
    assert step["run"].splitlines()[-1] == f'exec bash "$GITHUB_ACTION_PATH/../start.sh" {name}'


@every_action
def test_an_action_has_a_name_a_sentence_and_a_face(name: str) -> None:
    document = action(name)
    assert document["name"] == f"ci-ops {name}"
    assert document["description"].endswith(".")
    assert document["branding"]["color"] in COLORS
    assert re.fullmatch(r"[a-z-]+", document["branding"]["icon"])


def test_no_two_actions_look_alike() -> None:
    faces = [tuple(action(name)["branding"].values()) for name in ACTIONS]
    assert len(set(faces)) == len(ACTIONS)


@every_action
def test_every_output_is_one_that_the_step_sets(name: str) -> None:
    outputs = action(name)["outputs"]
    assert set(outputs) == OUTPUTS
    for each, row in outputs.items():
        assert row["value"] == f"${{{{ steps.run.outputs.{each} }}}}"
        assert row["description"].endswith(".")


def outputs_of(name: str, folder: Path, *arguments: str, **environ: str) -> tuple[int, dict[str, str]]:
    """How the command ended as a step, and the outputs it wrote."""
    (folder / "temp").mkdir()
    file = folder / "output"
    done = subprocess.run(
        [sys.executable, "-m", "ci_ops", name, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(file),
            "RUNNER_TEMP": str(folder / "temp"),
            **environ,
        },
        capture_output=True,
        check=False,
    )
    return done.returncode, parse_file(file.read_bytes())


def test_a_command_sets_exactly_the_outputs_that_actions_declare(tmp_path: Path) -> None:
    code, outputs = outputs_of("notify", tmp_path)
    assert code == 0
    assert set(outputs) == OUTPUTS
    assert (outputs["status"], outputs["reason"]) == ("warn", "warned")


@every_action
def test_a_command_that_cannot_start_still_says_status_and_reason(name: str, tmp_path: Path) -> None:
    code, outputs = outputs_of(name, tmp_path, "--config", "no-such-file.yml")
    assert code == 2
    assert outputs.items() >= {"status": "error", "reason": "invalid-usage"}.items()
    assert set(outputs) <= OUTPUTS


def test_shellcheck_has_nothing_to_say_about_what_starts_an_action() -> None:
    done = subprocess.run(
        [require("shellcheck"), "--severity=style", ROOT / "actions" / "start.sh"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0)


def start(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """start.sh with only what lies in `folder` on its PATH."""
    output = folder / "output"
    output.touch()
    return subprocess.run(
        ["/bin/bash", ROOT / "actions" / "start.sh", "verify"],
        env={"PATH": str(folder), "GITHUB_OUTPUT": str(output), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def interpreter(folder: Path, name: str) -> None:
    """A program that says under which name and with which arguments it was started."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{name} $*"\n')
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("system", "chosen"), [("Linux", "python3"), ("macOS", "python3"), ("Windows", "python")]
)
def test_an_action_takes_the_python_that_is_usual_on_its_runner(
    tmp_path: Path, system: str, chosen: str
) -> None:
    for name in ("python", "python3", "mine"):
        interpreter(tmp_path, name)
    flags = f"-I -X utf8 {ROOT}/actions/bootstrap.py verify\n"
    assert start(tmp_path, RUNNER_OS=system).stdout == f"{chosen} {flags}"
    assert start(tmp_path, RUNNER_OS=system, CI_OPS_PYTHON="mine").stdout == f"mine {flags}"


def test_without_any_python_an_action_says_so_and_sets_its_outputs(tmp_path: Path) -> None:
    done = start(tmp_path)
    assert done.returncode == 69
    assert done.stderr.startswith("::error title=ci-ops set-up failed::There is no Python on this runner.")
    assert parse_file((tmp_path / "output").read_bytes()) == {"status": "error", "reason": "setup-failed"}


def stand_in(folder: Path, name: str) -> Path:
    """A version manager's program for a folder in which no version is set."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "No version is set for command {name}" >&2\nexit 126\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("place", ["further down PATH", "the tool cache"])
def test_a_version_managers_stand_in_gives_way_to_a_python_that_runs(tmp_path: Path, place: str) -> None:
    shims, good, tools = tmp_path / "shims", tmp_path / "good", tmp_path / "tools"
    for name in ("python3", "python"):
        stand_in(shims, name)
    folder = good if place == "further down PATH" else tools / "Python" / "3.12.1" / "x64" / "bin"
    folder.mkdir(parents=True)
    interpreter(folder, "python3")
    done = start(shims, PATH=f"{shims}:{good}", RUNNER_TOOL_CACHE=str(tools))
    assert done.stdout == f"python3 -I -X utf8 {ROOT}/actions/bootstrap.py verify\n"


@pytest.mark.parametrize("named", ["", "python3"])
def test_where_no_python_can_be_started_an_action_says_what_it_tried(tmp_path: Path, named: str) -> None:
    shim = stand_in(tmp_path / "100%", "python3")
    done = start(tmp_path, PATH=str(shim.parent), CI_OPS_PYTHON=named)
    assert done.returncode == 69
    assert f"(tried {tmp_path}/100%25/python3)" in done.stderr
    assert parse_file((tmp_path / "output").read_bytes()) == {"status": "error", "reason": "setup-failed"}


def test_a_python_in_a_relative_folder_of_path_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter(tmp_path, "python3")
    monkeypatch.chdir(tmp_path)
    done = start(tmp_path, PATH=".:")
    assert (done.returncode, done.stdout) == (69, "")
    assert start(tmp_path, CI_OPS_PYTHON="./python3").stdout.startswith("python3 -I")
