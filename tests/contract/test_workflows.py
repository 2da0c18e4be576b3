"""The workflows hold to the rules of their platform, and to our own."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.action_files import (
    ACTIONS,
    OURS,
    action,
    our_action,
    steps_of,
    workflow,
    workflow_files,
)
from tests.support.parts import ROOT, require

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = workflow_files()
OWN = ROOT / ".github" / "workflows"
TEMPLATES = ROOT / "templates" / "workflows"
REUSABLE = [OWN / f"{name}.yml" for name in ("deploy", "rollback", "pr-checks")]
CHANGING = [folder / f"{name}.yml" for folder in (OWN, TEMPLATES) for name in ("deploy", "rollback")]
ACTION_FILES = [ROOT / "actions" / name / "action.yml" for name in ACTIONS]
UNKNOWN_TO_ACTIONLINT = (
    # `queue` is from May 2026; take this out with the first actionlint that knows it (1.7.12 does not).
    r'^unexpected key "queue" for "concurrency" section',
)
GRANTED = {
    "deploy": {"contents: read", "actions: read", "deployments: write"},
    "rollback": {"contents: read", "deployments: write"},
    "pr-checks": {"contents: read", "statuses: write"},
}

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
every_reusable = pytest.mark.parametrize("path", REUSABLE, ids=lambda path: path.stem)


def says(program: str, *arguments: str | Path) -> str:
    """What a linter prints, with its exit code where that is not 0."""
    done = subprocess.run(
        [require(program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout + (f"exit {done.returncode}: {done.stderr}" if done.returncode else "")


def test_actionlint_has_nothing_to_say() -> None:
    ignored = [word for pattern in UNKNOWN_TO_ACTIONLINT for word in ("-ignore", pattern)]
    shellcheck = ("-shellcheck", str(require("shellcheck")), "-pyflakes", "")
    assert says("actionlint", "-no-color", *shellcheck, *ignored, *WORKFLOWS) == ""


def test_shellcheck_has_nothing_to_say_about_the_script_of_the_self_test() -> None:
    assert says("shellcheck", ROOT / ".github" / "serve.sh") == ""


def test_zizmor_has_nothing_to_say_to_its_strictest_reader() -> None:
    flags = (
        "--offline",
        "--persona=auditor",
        "--no-progress",
        "--quiet",
        "--strict-collection",
        "--format=plain",
    )
    dependabot = ROOT / ".github" / "dependabot.yml"
    said = says("zizmor", *flags, "--config", ROOT / "zizmor.yml", *WORKFLOWS, *ACTION_FILES, dependabot)
    assert said.startswith("No findings to report."), said


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", ACTION_FILES),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ],
)
def test_every_file_has_the_form_of_its_schema(schema: str, files: list[Path]) -> None:
    assert says("check-jsonschema", "--builtin-schema", schema, *files) == "ok -- validation done\n"


def test_every_reference_to_ourselves_names_the_same_repository_and_version() -> None:
    files = [*WORKFLOWS, *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    found = {
        (each["repository"], each["ref"])
        for path in files
        for each in OURS.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(found) == 1


@every_workflow
def test_actions_of_others_are_pinned_to_a_commit_whose_version_is_said(path: Path) -> None:
    lines = re.findall(r"^.*\buses: .*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    theirs = [line for line in lines if not OURS.search(line) and "uses: ./" not in line]
    for line in theirs:
        assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@every_workflow
def test_nothing_is_granted_that_no_job_asks_for(path: Path) -> None:
    document = workflow(path)
    assert document["permissions"] == {}
    asked = {
        f"{name}: {level}"
        for job in document["jobs"].values()
        for name, level in job.get("permissions", {}).items()
    }
    if path.stem in GRANTED:
        assert asked == GRANTED[path.stem]
    checkouts = [step for step in steps_of(document) if str(step.get("uses")).startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", CHANGING, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_run_that_changes_an_environment_waits_and_is_never_cancelled_by_another(path: Path) -> None:
    document = workflow(path)
    concurrency = document["concurrency"]
    assert concurrency["group"] in {"ci-ops-${{ inputs.environment }}", "ci-ops-production"}
    assert (concurrency["cancel-in-progress"], concurrency["queue"]) == (False, "max")
    first, finish = document["jobs"].values()
    assert first["environment"]["deployment"] is False
    assert finish["needs"] in document["jobs"]
    assert "environment" not in finish
    assert finish["if"] == f"always() && needs.{finish['needs']}.result != 'success'"


@every_workflow
def test_what_is_handed_to_our_actions_is_something_they_take(path: Path) -> None:
    for step in steps_of(workflow(path)):
        if name := our_action(step):
            assert set(step.get("with", {})) <= set(action(name)["inputs"])


@every_workflow
def test_what_is_read_of_our_actions_is_something_they_give(path: Path) -> None:
    document = workflow(path)
    used = {step["id"]: our_action(step) for step in steps_of(document) if "id" in step}
    text = re.sub(r"^ *#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for step, output in re.findall(r"\bsteps\.([\w-]+)\.outputs\.([\w-]+)", text):
        if used[step]:
            assert output in action(used[step])["outputs"]
    assert not re.search(r"\bsteps\.[\w-]+\.(?:outcome|conclusion)\b|\bfailure\(\)", text)


@every_reusable
def test_every_input_of_a_reusable_workflow_is_described_and_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, row in workflow(path)["on"]["workflow_call"]["inputs"].items():
        assert row["description"].endswith(".")
        assert f"inputs.{name} " in text or f"inputs.{name})" in text


def chain(path: Path) -> list[tuple[str, str, Any]]:
    """Job, action and condition of each step of ours."""
    return [
        (job, our_action(step), step.get("if"))
        for job, row in workflow(path)["jobs"].items()
        for step in row["steps"]
        if our_action(step)
    ]


def test_the_plain_chain_for_users_is_the_reusable_one() -> None:
    reusable = [each for each in chain(OWN / "deploy.yml") if each[0] == "deploy"]
    assert [each[1] for each in reusable] == ["readiness", "deploy", "verify", "rollback", "notify"]
    for name in ("deploy", "pr-checks", "rollback"):
        assert chain(TEMPLATES / f"{name}.yml") == chain(OWN / f"{name}.yml")


def test_a_rollback_by_hand_asks_where_whither_and_why() -> None:
    inputs = workflow(TEMPLATES / "rollback.yml")["on"]["workflow_dispatch"]["inputs"]
    assert [(name, row["type"], row.get("required")) for name, row in inputs.items()] == [
        ("environment", "environment", True),
        ("to", "string", None),
        ("reason", "string", True),
    ]


def test_pull_requests_get_no_secret() -> None:
    for folder in (OWN, TEMPLATES):
        assert "secrets" not in (folder / "pr-checks.yml").read_text(encoding="utf-8").replace(
            "no secret", ""
        )
