"""The entry point: what turns an exception into a message and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops import __version__
from ci_ops.__main__ import main
from tests.support.cli import Said, Terminal
from tests.support.parts import ROOT
from tests.support.runner_rules import parse_file, read_log

BUG = """\
error: ci-ops failed unexpectedly
hint: Please report the block that was printed; what was done so far is in the journal.
----- 8< -----
ci-ops {version}, Python """


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(folder=tmp_path, monkeypatch=monkeypatch, capture=capsys)


def run_broken(terminal: Terminal, error: BaseException) -> Said:
    """A command for which the question for the working folder fails as no system ever does."""

    def fail() -> str:
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getcwd", fail)
        return terminal.run("config", "check")


def test_help_and_version_go_to_stdout(terminal: Terminal) -> None:
    said = terminal.run("--help")
    assert (said.code, said.err) == (0, "")
    said.assert_golden("help")
    version = terminal.run("--version")
    assert (version.code, version.out, version.err) == (0, f"ci-ops, version {__version__}\n", "")


def test_without_a_command_the_help_goes_to_stderr_and_nothing_was_done(terminal: Terminal) -> None:
    said = terminal.run()
    assert (said.code, said.out) == (2, "")
    assert said.err == terminal.run("--help").out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["verfy"], "error: No such command 'verfy'"),
        (["verify", "--ulr", "x"], "error: No such option '--ulr'"),
        (["verify", "--deadline", "soon"], "error: Invalid value for '--deadline': "),
        (["verify", "--on-error", "panic"], "error: Invalid value for '--on-error': 'panic' is not one of"),
        (["history", "--limit", "0"], "error: Invalid value for '--limit': 0 is not in the range"),
        (["explain", "one", "two"], "error: Got unexpected extra argument (two)"),
        (["config", "chek"], "error: No such command 'chek'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistyped_command_is_said_in_two_lines(
    terminal: Terminal, arguments: list[str], error: str
) -> None:
    said = terminal.run(*arguments)
    assert (said.code, said.out) == (2, "")
    first, hint = said.err.splitlines()
    assert first.startswith(error)
    assert hint.startswith("hint: ci-ops")
    assert hint.endswith("--help")


def test_a_mistyped_input_of_an_action_is_an_annotation_and_an_output(terminal: Terminal) -> None:
    files = terminal.on_a_runner(CI_OPS_VERIFY_DEADLINE="soon")
    said = terminal.run("verify")
    assert said.code == 2
    outputs = parse_file(files["GITHUB_OUTPUT"].read_bytes())
    assert (outputs["status"], outputs["reason"]) == ("error", "invalid-usage")
    (annotation,) = read_log(said.err).annotations("error")
    assert "--deadline" in annotation.data
    assert files["GITHUB_STEP_SUMMARY"].read_text().startswith("## ")


def test_a_bug_is_a_block_to_report_with_exit_code_70(terminal: Terminal) -> None:
    password = "hunter2hunter2"
    said = run_broken(terminal, RuntimeError(f"no folder for password={password}"))
    assert (said.code, said.out) == (70, "")
    assert said.err.startswith(BUG.format(version=__version__))
    assert said.err.endswith("----- >8 -----\n")
    assert "RuntimeError: no folder for password=***" in said.err
    assert password not in said.err


def test_a_bug_on_a_runner_is_told_to_the_next_step_too(terminal: Terminal) -> None:
    files = terminal.on_a_runner()
    said = run_broken(terminal, RuntimeError("::error::injected\n::set-output name=a::b"))
    assert said.code == 70
    outputs = parse_file(files["GITHUB_OUTPUT"].read_bytes())
    assert (outputs["status"], outputs["reason"]) == ("error", "bug")
    assert [each.data for each in read_log(said.err).annotations("error")] == [
        "RuntimeError: see the log for a block to report"
    ]


@pytest.mark.parametrize("name", ["click", "yaml.scanner"])
def test_a_missing_package_of_the_command_line_is_named_with_the_way_to_get_it(
    terminal: Terminal, name: str
) -> None:
    said = run_broken(terminal, ModuleNotFoundError(f"No module named {name!r}", name=name))
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f'error: ci-ops needs {name.partition(".")[0]}, which is not installed\nhint: pipx install "ci-ops[cli]"\n'
    )


def test_a_missing_package_of_anybody_else_is_a_bug(terminal: Terminal) -> None:
    assert run_broken(terminal, ModuleNotFoundError("No module named 'theirs'", name="theirs")).code == 70


def test_being_interrupted_while_nothing_runs_is_130(terminal: Terminal) -> None:
    said = run_broken(terminal, KeyboardInterrupt())
    assert (said.code, said.out) == (130, "")
    assert "Traceback" not in said.err


def test_the_arguments_of_the_process_are_taken_when_none_are_given(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["ci-ops", "--version"])
    assert main() == 0


def test_the_module_ends_the_process_with_the_commands_exit_code(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ci_ops", "verify", "--format", "nope"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: format: there is no format 'nope'\nhint: One of: json, markdown, text.\n"
