"""Which commit a run is about, who started it, and on which commit a verdict may be shown."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import Caller
from tests.support.cli import Said, Terminal
from tests.support.github_client import TOKEN
from tests.support.github_double import GitHubDouble
from tests.support.runner_rules import read_log

BROKEN = "def broken(:\n"


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A job whose workspace has a base, a topic branch on it, and the trial merge of both."""

    terminal: Terminal
    project: Caller
    github: GitHubDouble
    base: str
    head: str
    merge: str

    def starts(self, event: str, *, sha: str, at: str, ref: str = "refs/heads/main", **payload: Any) -> None:
        """Let the next commands find themselves in a run of that event, with that commit checked out."""
        self.project.git("checkout", "--quiet", "--detach", at)
        path = self.terminal.folder.parent / "event.json"
        path.write_text(json.dumps(payload))
        self.terminal.set(
            GITHUB_EVENT_NAME=event, GITHUB_EVENT_PATH=str(path), GITHUB_SHA=sha, GITHUB_REF=ref
        )

    def pull_request(self, repository: str = "org/shop") -> Mapping[str, Any]:
        """The payload of an event about the topic's pull request."""
        head = {"sha": self.head, "ref": "topic", "repo": {"full_name": repository}}
        return {"pull_request": {"number": 7, "head": head, "base": {"sha": self.base}}}

    def readiness(self) -> Said:
        """Look at the project, with a status wanted."""
        return self.terminal.run("readiness", "--status-context", "ci-ops", "--token", TOKEN)

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """The commits and states that GitHub was told, in order."""
        return [(each["sha"], each["state"]) for each in self.github.commit_statuses]


@pytest.fixture
def workflow(terminal: Terminal, tmp_path: Path) -> Iterator[Workflow]:
    terminal.folder.rmdir()
    project = Caller(terminal.folder)
    terminal.monkeypatch.chdir(terminal.folder)
    project.write("ci-ops.yml", "version: 1\nreadiness: {checks: {compiles: {}}}\n")
    project.write(".gitignore", "temp\nGITHUB_*\n")
    project.write("shop.py", "y = 1\n")
    base = project.commit()
    project.git("checkout", "--quiet", "-b", "topic")
    project.write("app.py", "x = 1\n")
    head = project.commit(message="topic")
    project.git("checkout", "--quiet", "main")
    project.git("merge", "--quiet", "--no-ff", "-m", "trial", "topic")
    merge = project.git("rev-parse", "HEAD")
    with GitHubDouble("org/shop", token=TOKEN) as github:
        terminal.on_a_runner(GITHUB_API_URL=github.url)
        yield Workflow(terminal=terminal, project=project, github=github, base=base, head=head, merge=merge)


@pytest.mark.parametrize("at", ["head", "merge"])
def test_a_pull_request_shows_the_verdict_on_its_head(workflow: Workflow, at: str) -> None:
    workflow.starts("pull_request", sha=workflow.merge, at=getattr(workflow, at), **workflow.pull_request())
    assert workflow.readiness().code == 0
    assert workflow.statuses == [(workflow.head, "pending"), (workflow.head, "success")]


def test_a_head_that_nobody_looked_at_gets_no_status_and_the_log_says_why(workflow: Workflow) -> None:
    workflow.starts("pull_request_target", sha=workflow.base, at=workflow.base, **workflow.pull_request())
    said = workflow.readiness()
    assert (said.code, workflow.statuses) == (0, [])
    note = (
        f"What is checked out ({workflow.base[:7]}) is not the head of the pull request ({workflow.head[:7]})"
    )
    assert said.err.count(note) == 1


def test_a_merge_of_something_else_is_no_look_at_the_head(workflow: Workflow) -> None:
    workflow.project.git("checkout", "--quiet", "-B", "other", workflow.base)
    other = workflow.project.commit(message="newer")
    pull_request = workflow.pull_request()
    pull_request["pull_request"]["head"]["sha"] = other
    workflow.starts("pull_request", sha=workflow.merge, at=workflow.merge, **pull_request)
    assert workflow.readiness().code == 0
    assert workflow.statuses == []


@pytest.mark.parametrize("event", ["workflow_run", "workflow_dispatch", "push"])
def test_other_events_show_it_on_what_is_checked_out(workflow: Workflow, event: str) -> None:
    workflow.project.git("checkout", "--quiet", workflow.head)
    workflow.project.write("app.py", BROKEN)
    broken = workflow.project.commit(message="broken")
    workflow.starts(event, sha=workflow.merge, at=broken, workflow_run={"head_sha": broken})
    assert workflow.readiness().code == 1
    assert workflow.statuses == [(broken, "pending"), (broken, "failure")]


def test_a_fork_gets_no_status_but_a_line_that_says_so(workflow: Workflow) -> None:
    workflow.starts(
        "pull_request", sha=workflow.merge, at=workflow.merge, **workflow.pull_request("somebody/shop")
    )
    said = workflow.readiness()
    assert (said.code, workflow.statuses) == (0, [])
    assert said.err.count("A pull request from a fork: its token may set no commit status") == 1


def test_without_a_token_the_jobs_own_conclusion_counts(workflow: Workflow) -> None:
    workflow.starts("pull_request", sha=workflow.merge, at=workflow.merge, **workflow.pull_request())
    said = workflow.terminal.run("readiness", "--status-context", "ci-ops")
    assert said.code == 0
    assert said.err.count("No token was given, so no commit status is set") == 1


def test_a_missing_permission_is_a_note_that_names_it(workflow: Workflow) -> None:
    workflow.starts("push", sha=workflow.merge, at=workflow.merge)
    workflow.github.fail(403, times=9, method="POST")
    said = workflow.readiness()
    assert said.code == 0
    assert "Add `statuses: write` to the job's `permissions:`" in said.err
    assert read_log(said.err).annotations("error") == []


def record_of(workflow: Workflow, *options: str) -> dict[str, Any]:
    """The record of a deployment in that run."""
    commands = ("--run", "true", "--undo", "true", "--no-verify", "--format", "json")
    said = workflow.terminal.run("deploy", *commands, *options)
    assert said.code == 0, said.err
    record: dict[str, Any] = json.loads(said.out)["record"]
    return record


@pytest.mark.parametrize("event", ["workflow_run", "workflow_dispatch", "pull_request_target", "schedule"])
def test_what_is_deployed_is_what_is_checked_out(workflow: Workflow, event: str) -> None:
    workflow.starts(event, sha=workflow.merge, at=workflow.base)
    record = record_of(workflow)
    assert (record["revision"], record["ref"]) == (workflow.base, "")


def test_the_branch_of_the_run_that_is_followed_is_the_ref(workflow: Workflow) -> None:
    run = {"head_sha": workflow.head, "head_branch": "topic"}
    workflow.starts("workflow_run", sha=workflow.merge, at=workflow.head, workflow_run=run)
    assert record_of(workflow)["ref"] == "refs/heads/topic"


def test_an_annotated_tag_is_the_ref_of_its_commit(workflow: Workflow) -> None:
    workflow.project.git("tag", "-a", "v1", "-m", "one", workflow.head)
    tag = workflow.project.git("rev-parse", "refs/tags/v1")
    workflow.starts("push", sha=tag, at=workflow.head, ref="refs/tags/v1")
    record = record_of(workflow)
    assert (record["revision"], record["ref"]) == (workflow.head, "refs/tags/v1")


def test_the_one_who_started_this_attempt_is_named(workflow: Workflow) -> None:
    workflow.terminal.set(GITHUB_ACTOR="octocat", GITHUB_TRIGGERING_ACTOR="mona", GITHUB_RUN_ATTEMPT="2")
    workflow.starts("push", sha=workflow.merge, at=workflow.merge)
    assert record_of(workflow)["actor"] == "mona"


def test_a_revision_that_is_given_goes_before_the_checkout(workflow: Workflow) -> None:
    workflow.starts("push", sha=workflow.merge, at=workflow.merge)
    assert record_of(workflow, "--revision", workflow.base)["revision"] == workflow.base


@pytest.mark.parametrize(
    ("event", "is_known"), [("push", True), ("workflow_run", False), ("pull_request_target", False)]
)
def test_without_a_checkout_the_events_commit_counts_where_it_is_the_runs(
    terminal: Terminal, event: str, is_known: bool
) -> None:
    terminal.on_a_runner(GITHUB_EVENT_NAME=event, GITHUB_SHA="e" * 40)
    said = terminal.run("deploy", "--run", "true", "--undo", "true", "--no-verify", "--format", "json")
    if is_known:
        assert json.loads(said.out)["record"]["revision"] == "e" * 40
    else:
        assert said.code == 2
        assert "no commit is known here" in said.err


def test_a_repository_of_another_user_is_named_beside_the_step_that_it_fails(
    terminal: Terminal, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    terminal.folder.rmdir()
    project = Caller(terminal.folder)
    terminal.monkeypatch.chdir(terminal.folder)
    project.write("ci-ops.yml", f"version: 1\ndeploy: {{target: {{type: releases, path: {tmp_path}/srv}}}}\n")
    sha = project.commit()
    subprocess.run(["chown", "-R", "12345:12345", project.folder], check=True)
    terminal.monkeypatch.setenv("HOME", str(tmp_path))
    said = terminal.run("deploy", "--no-verify", "--revision", sha)
    assert said.code == 5
    assert f"note: Git does not read {project.folder}: the repository belongs to another user" in said.err
    terminal.on_a_runner(GITHUB_WORKSPACE=str(terminal.folder / "temp"))
    assert terminal.run("deploy", "--no-verify", "--revision", sha).code == 5  # it lies around the workspace
    terminal.on_a_runner()
    assert terminal.run("deploy", "--no-verify").code == 0
