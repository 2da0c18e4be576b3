"""The README's five snippets, as they stand there but for the address of the service."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import yaml

from tests.support.action_files import ACTIONS
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from tests.act.conftest import Stage

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = {
    found[2]: found[1]
    for found in re.finditer(r"```yaml\n(- uses: org/ci-ops/actions/(\w+)@v1\n.*?)```", README, re.DOTALL)
}
CHECKOUT = "- uses: actions/checkout@v7\n"
CONFIG = """\
version: 1
service: shop
deploy:
  target: {type: command, run: ./deploy.sh, rollback: ./deploy.sh}
verify: {url: "URL", deadline: 1s}
"""
"""What the rollback snippet goes by; the others bring everything along."""


def workflow(event: str, stage: Stage, *names: str) -> str:
    """A workflow with those snippets as its steps."""
    steps = CHECKOUT + "".join(SNIPPETS[name] for name in names)
    steps = steps.replace("https://shop.example.com", stage.service.url)
    head = f"on: {event}\njobs:\n  it:\n    runs-on: ubuntu-latest\n    steps:\n"
    return head + textwrap.indent(steps, " " * 6)


def shop(stage: Stage) -> None:
    """A project whose commands are those of the README."""
    for name, commit in (("deploy", "DEPLOYMENT_REVISION"), ("undeploy", "DEPLOYMENT_PREVIOUS_REVISION")):
        stage.caller.write(f"{name}.sh", f'#!/bin/sh\nexec sh ship.sh "${commit}"\n')
        (stage.caller.folder / f"{name}.sh").chmod(0o755)
    stage.caller.write("ci-ops.yml", CONFIG.replace("URL", stage.service.url))
    forward = workflow("push", stage, "readiness", "deploy", "verify", "notify")
    stage.caller.write(".github/workflows/ship.yml", forward)
    stage.caller.write(
        ".github/workflows/back.yml", workflow("workflow_dispatch", stage, "rollback", "notify")
    )


def test_the_readme_has_one_snippet_for_each_action_of_at_most_four_lines() -> None:
    assert sorted(SNIPPETS) == sorted(ACTIONS)
    for snippet in SNIPPETS.values():
        assert 1 <= len(snippet.splitlines()) <= 4
        assert len(yaml.safe_load(snippet)) == 1


def test_the_snippets_deploy_verify_tell_and_go_back(stage: Stage) -> None:
    shop(stage)
    secrets = {"SLACK_WEBHOOK_URL": stage.slack.url()}
    machine = {"SITE": str(stage.service.folder)}

    one = stage.caller.commit()
    first = stage.act.run("push", secrets=secrets, machine=machine)
    assert first.exit_code == 0
    assert first.uses == dict.fromkeys(("readiness", "deploy", "verify", "notify"), "success")
    assert stage.service.live == one

    two = stage.caller.commit()
    assert stage.act.run("push", secrets=secrets, machine=machine).exit_code == 0
    assert stage.service.live == two

    back = stage.act.run("workflow_dispatch", secrets=secrets, machine=machine)
    assert back.exit_code == 0
    assert stage.service.live == one
    assert [states[-1] for states in stage.github.states()][-1] == "success"
    assert f"{one[:7]} is live again in production, and proven." in stage.told


def test_a_release_that_does_not_verify_is_taken_back_and_the_team_is_told(stage: Stage) -> None:
    shop(stage)
    machine = {"SITE": str(stage.service.folder)}
    stage.caller.commit("fail")
    ran = stage.act.run("push", secrets={"SLACK_WEBHOOK_URL": stage.slack.url()}, machine=machine)
    assert ran.exit_code == 1
    assert ran.uses == {"readiness": "success", "deploy": "failure", "notify": "success"}
    assert stage.service.live == ""
    assert "verification" in stage.told
