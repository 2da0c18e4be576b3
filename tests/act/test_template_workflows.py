"""The workflows for users' own repositories, as they are handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.act import known_to_act
from tests.support.caller import RELEASES, SLACK
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from tests.act.conftest import Stage
    from tests.support.act import Ran

TEMPLATES = ROOT / "templates" / "workflows"


def shop(stage: Stage, *names: str) -> None:
    """A repository with these templates and a ci-ops.yml that says the rest."""
    stage.caller.write("ci-ops.yml", RELEASES + SLACK)
    for name in names:
        stage.caller.write(f".github/workflows/{name}.yml", known_to_act(TEMPLATES / f"{name}.yml"))


def run(stage: Stage, event: str, workflow: str, **payload: object) -> Ran:
    """One run on a machine that has the folder of the releases."""
    machine = {"SITE": str(stage.service.folder), "SHOP_URL": stage.service.url}
    secrets = {"SLACK_WEBHOOK_URL": stage.slack.url()}
    return stage.act.run(event, workflow=workflow, payload=payload, secrets=secrets, machine=machine)


def test_a_good_release_stays_a_bad_one_is_taken_back_and_a_person_may_go_back_further(stage: Stage) -> None:
    shop(stage, "deploy", "rollback")
    one = stage.caller.commit()
    first = run(stage, "push", "deploy")
    assert first.exit_code == 0
    assert first.uses == dict.fromkeys(("readiness", "deploy", "verify", "notify"), "success")
    assert stage.service.live == one
    assert f"{one[:7]} is live in production and verified." in stage.told

    stage.caller.commit("fail")
    second = run(stage, "push", "deploy")
    assert second.exit_code == 1
    assert (second.uses["verify"], second.uses["rollback"]) == ("failure", "success")
    assert second.outputs("verify")["status"] == "fail"
    assert stage.service.live == one
    assert stage.github.states()[1][-1] == "failure"
    assert f"Rolled back to {one[:7]}, and proven." in stage.told

    stage.caller.commit("pass")
    assert run(stage, "push", "deploy").exit_code == 0

    inputs = {"environment": "production", "to": one, "reason": "the orders page"}
    third = run(stage, "workflow_dispatch", "rollback", inputs=inputs)
    assert third.exit_code == 0
    assert stage.service.live == one
    assert stage.github.deployments[-1]["payload"]["reason"] == "the orders page"
    assert "Reason: the orders page" in stage.told


def test_a_pull_request_is_looked_at_without_any_secret(stage: Stage) -> None:
    shop(stage, "pr-checks")
    head = stage.caller.commit()
    payload = {"head": {"sha": head, "repo": {"full_name": "org/app"}}}
    ran = stage.act.run("pull_request", payload={"pull_request": payload})
    assert ran.exit_code == 0
    assert ran.uses == {"readiness": "success"}
    assert "config-file" in ran.summary
    assert stage.github.commit_statuses[-1]["state"] == "success"
