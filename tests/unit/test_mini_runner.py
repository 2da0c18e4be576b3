"""The small runner does to an action what GitHub's does."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.mini_runner import Result, Runner
from tests.support.runner_expressions import decide, evaluate

if TYPE_CHECKING:
    from pathlib import Path

CONTEXTS: dict[str, Any] = {
    "inputs": {"status": "Failure", "empty": "", "to-whom": "ops"},
    "steps": {"deploy": {"outputs": {"changed": "true", "deployment-id": "7"}, "outcome": "failure"}},
    "github": {"token": "t", "event_name": "push"},
}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    for name in ("workspace", "temp"):
        (tmp_path / name).mkdir()
    return Runner(
        workspace=tmp_path / "workspace",
        temp=tmp_path / "temp",
        environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        github={"sha": "a" * 40, "repository": "org/shop", "token": "ghs_token"},
        grace_seconds=(0.3, 0.3),
    )


def action(folder: Path, text: str) -> Path:
    """A folder with an action.yml of this text."""
    folder.mkdir(exist_ok=True)
    (folder / "action.yml").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def steps(folder: Path, *scripts: str) -> Path:
    """An action of bash steps named s0, s1, …; the part of a script before `=>` is its condition."""
    text = "name: x\ndescription: x\nruns:\n  using: composite\n  steps:\n"
    for number, script in enumerate(scripts):
        condition, _, code = script.rpartition("=>")
        text += f"    - id: s{number}\n      shell: bash\n"
        text += f"      if: {condition}\n" if condition else ""
        text += "      run: |\n" + textwrap.indent(code, " " * 8) + "\n"
    return action(folder, text)


def run(runner: Runner, *scripts: str) -> Result:
    return runner.run(steps(runner.temp / "action", *scripts))


def test_inputs_reach_a_step_only_through_its_env(runner: Runner) -> None:
    folder = action(
        runner.temp / "a",
        """
        name: x
        description: x
        inputs:
          url: {description: x, required: true}
          token: {description: x, default: "${{ github.token }}"}
          status: {description: x, default: "${{ job.status }}"}
          loud: {description: x, default: true}
        outputs:
          seen: {description: x, value: "${{ steps.one.outputs.seen }}"}
          none: {description: x, value: "${{ steps.one.outputs.none }}"}
        runs:
          using: composite
          steps:
            - id: one
              shell: bash
              env:
                MY_URL: ${{ inputs.url }}
                MY_REST: ${{ inputs.token }} ${{ inputs.status }} ${{ inputs.loud }} ${{ inputs.unknown }}|
              run: |
                env | grep ^INPUT_ && exit 1
                echo "seen=$MY_URL $MY_REST" >> "$GITHUB_OUTPUT"
        """,
    )
    result = runner.run(folder, {"url": "https://x $(id) `id`", "undeclared": "1"})
    assert result.conclusion == "success"
    assert result.outputs == {"seen": "https://x $(id) `id` ghs_token success true |", "none": ""}


def test_the_environment_is_the_runners_and_not_ours(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "1")
    result = run(
        runner, 'echo "${LEAKED-no} $GITHUB_SHA $GITHUB_ACTION_PATH ${GITHUB_TOKEN-no} $GITHUB_ACTIONS"; pwd'
    )
    assert result.log.shown == [
        f"no {'a' * 40} {runner.temp / 'action'} no true",
        str(runner.workspace),
    ]


def test_every_step_has_command_files_of_its_own(runner: Runner) -> None:
    first = """
    echo "a=1" >> "$GITHUB_OUTPUT"
    echo "E=from env" >> "$GITHUB_ENV"
    echo "/extra" >> "$GITHUB_PATH"
    echo hello >> "$GITHUB_STEP_SUMMARY"
    """
    second = """
    test ! -s "$GITHUB_OUTPUT"
    echo "$E" "${PATH%%:*}" "${{ env.E }}"
    echo again >> "$GITHUB_STEP_SUMMARY"
    """
    result = run(runner, first, second)
    assert result.conclusion == "success"
    assert result.log.shown == ["from env /extra from env"]
    assert result.summary == "hello\nagain\n"
    assert result.steps["s0"]["outputs"] == {"a": "1"}


def test_an_invalid_line_in_the_output_file_fails_the_step(runner: Runner) -> None:
    result = run(runner, 'echo "no equals sign" >> "$GITHUB_OUTPUT"')
    assert result.conclusion == "failure"
    assert "Invalid format 'no equals sign'" in result.log.annotations("error")[0].data


def test_a_heredoc_keeps_its_lines(runner: Runner) -> None:
    result = run(runner, r'printf "a<<END\none\n\ntwo=2\nEND\n" >> "$GITHUB_OUTPUT"')
    assert result.steps["s0"]["outputs"] == {"a": "one\n\ntwo=2"}


def test_a_summary_over_one_mebibyte_is_dropped(runner: Runner) -> None:
    result = run(runner, 'head -c 1048577 /dev/zero | tr "\\0" x >> "$GITHUB_STEP_SUMMARY"')
    assert (result.conclusion, result.summary) == ("success", "")


def test_bash_stops_at_the_first_failing_command_also_in_a_pipe(runner: Runner) -> None:
    assert run(runner, "false | true\necho not reached").conclusion == "failure"
    assert run(runner, "false\necho not reached").log.shown == []


def test_after_a_failure_only_steps_that_ask_for_it_run(runner: Runner) -> None:
    result = run(
        runner,
        "exit 3",
        "echo default",
        "always() => echo always",
        "failure() => echo failure",
        "steps.s0.outcome == 'failure' => echo needs success too",
        "${{ failure() && steps.s0.outcome == 'failure' }} => echo both",
    )
    assert result.conclusion == "failure"
    assert result.log.shown == ["always", "failure", "both"]
    assert result.steps["s1"]["conclusion"] == "skipped"
    assert runner.status == "failure"


def test_continue_on_error_keeps_the_outcome_and_changes_the_conclusion(runner: Runner) -> None:
    folder = steps(runner.temp / "action", "exit 1", "echo went on")
    text = (folder / "action.yml").read_text().replace("id: s0\n", "id: s0\n      continue-on-error: true\n")
    (folder / "action.yml").write_text(text)
    result = runner.run(folder)
    assert (result.conclusion, result.log.shown) == ("success", ["went on"])
    assert (result.steps["s0"]["outcome"], result.steps["s0"]["conclusion"]) == ("failure", "success")


def test_a_cancellation_is_a_sigint_to_the_entry_process_alone(runner: Runner) -> None:
    script = """
    trap 'echo got INT; kill "$child"; exit 0' INT
    sleep 60 & child=$!
    echo ready
    wait
    """
    folder = steps(
        runner.temp / "action", script, "echo not this", "always() => echo ${{ job.status }} cleaned up"
    )
    result = runner.run(folder, cancel_when=lambda lines: "ready" in lines)
    assert result.conclusion == "cancelled"
    assert result.log.shown == ["ready", "got INT", "success cleaned up"]
    assert runner.status == "cancelled"


@pytest.mark.parametrize(("deaf_to", "heard"), [("INT", ["TERM"]), ("INT TERM", [])])
def test_who_does_not_listen_is_terminated_then_killed(
    runner: Runner, deaf_to: str, heard: list[str]
) -> None:
    traps = "".join(f"trap 'true' {name}\n" for name in deaf_to.split())
    script = f"trap 'echo TERM; exit 1' TERM\n{traps}echo ready\nwhile :; do read -t 60 <> <(:) || :; done"
    result = runner.run(steps(runner.temp / "action", script), cancel_when=lambda lines: "ready" in lines)
    assert result.conclusion == "cancelled"
    assert result.log.shown == ["ready", *heard]


def test_commands_and_masks_are_read_from_both_streams(runner: Runner) -> None:
    result = run(runner, "echo ::add-mask::s3cret\necho s3cret\necho '::error title=T,line=3::a%0Ab' >&2")
    assert "***" in result.log.shown
    (error,) = result.log.annotations("error")
    assert (error.data, error.properties) == ("a\nb", {"title": "T", "line": "3"})


def test_what_a_composite_action_may_not_say_is_refused(runner: Runner) -> None:
    folder = steps(runner.temp / "action", "true")
    text = (folder / "action.yml").read_text()
    (folder / "action.yml").write_text(text.replace("shell:", "timeout-minutes: 1\n      shell:"))
    with pytest.raises(AssertionError, match="timeout-minutes"):
        runner.run(folder)
    with pytest.raises(ValueError, match="Unrecognized named-value: 'secrets'"):
        run(runner, 'echo "${{ secrets.TOKEN }}"')


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.to-whom", "ops"),
        ("steps.deploy.outputs.deployment-id", "7"),
        ("steps.deploy.outputs.nothing.below", ""),
        ("inputs.status == 'failure'", "true"),
        ("inputs.status != 'success'", "true"),
        ("'it''s' == 'IT''S'", "true"),
        ("!inputs.empty && 'yes' || 'no'", "yes"),
        ("inputs.empty || github.event_name", "push"),
        ("!(inputs.empty == '') || false", "false"),
        ("inputs.missing == ''", "true"),
        ("null", ""),
        ("1 == 1", "true"),
    ],
)
def test_expressions_have_githubs_meaning(expression: str, value: str) -> None:
    assert evaluate("${{ " + expression + " }}", CONTEXTS) == value


def test_several_expressions_in_one_text_are_replaced_each() -> None:
    assert evaluate("${{ github.token }}-${{inputs.empty}}-${{ true }}", CONTEXTS) == "t--true"
    assert evaluate(False, CONTEXTS) == "false"
    with pytest.raises(ValueError, match="Unexpected symbol"):
        evaluate("${{ inputs.status + 1 }}", CONTEXTS)


@pytest.mark.parametrize(
    ("condition", "status", "holds"),
    [
        ("always()", "cancelled", True),
        ("cancelled()", "cancelled", True),
        ("success()", "failure", False),
        ("failure()", "failure", True),
        ("failure() || cancelled()", "success", False),
        ("always() && steps.deploy.outputs.changed == 'true'", "failure", True),
        ("steps.deploy.outputs.changed == 'true'", "failure", False),
        (True, "success", True),
        ("!cancelled()", "failure", True),
    ],
)
def test_a_condition_wants_success_unless_it_names_a_status(
    condition: object, status: str, *, holds: bool
) -> None:
    assert decide(condition, CONTEXTS, status) is holds
