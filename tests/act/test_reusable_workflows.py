"""The reusable workflows, called from another repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from tests.support.act import TOKEN
from tests.support.caller import SLACK

if TYPE_CHECKING:
    from tests.act.conftest import Stage
    from tests.support.act import Ran

DEPLOY = """\
on: push
jobs:
  deploy:
    uses: org/ci-ops/.github/workflows/deploy.yml@v1
    permissions: {contents: read, actions: read, deployments: write}
    with:
      run: sh ship.sh "$DEPLOYMENT_REVISION"
      undo: sh ship.sh "$DEPLOYMENT_PREVIOUS_REVISION"
      url: ${{ github.event.url }}
      deadline: 1s
    secrets:
      CI_OPS_ENV: ${{ secrets.CI_OPS_ENV }}
  after:
    needs: deploy
    if: always()
    runs-on: ubuntu-latest
    steps:
      - id: seen
        env: {SEEN: "${{ toJSON(needs.deploy.outputs) }}"}
        run: echo "outputs=$(echo $SEEN)" >>"$GITHUB_OUTPUT"
"""
ROLLBACK = """\
on: workflow_dispatch
jobs:
  rollback:
    uses: org/ci-ops/.github/workflows/rollback.yml@v1
    permissions: {contents: read, deployments: write}
    with:
      reason: ${{ github.event.inputs.reason }}
      rollback: sh ship.sh "$DEPLOYMENT_REVISION"
      url: ${{ github.event.url }}
      deadline: 1s
    secrets:
      CI_OPS_ENV: ${{ secrets.CI_OPS_ENV }}
"""
PULL_REQUEST = """\
on: pull_request
jobs:
  checks:
    uses: org/ci-ops/.github/workflows/pr-checks.yml@v1
    permissions: {contents: read, statuses: write}
"""
NOTIFY = f"version: 1\nservice: shop\n{SLACK}"
BRANCH = "refs/heads/it's-`id`-$(touch${IFS}owned)-%0A"
HOSTILE = 'It\'s "bad" `touch owned` $(touch owned)\n::error::owned\n##[error]owned\n${{ github.token }} %0A'


def run(stage: Stage, event: str, **payload: Any) -> Ran:
    """One run, with the story's variables in the one secret."""
    secret = "".join(f"{name}={value}\n" for name, value in stage.variables.items())
    return stage.act.run(event, payload={"url": stage.service.url, **payload}, secrets={"CI_OPS_ENV": secret})


def seen(ran: Ran) -> dict[str, str]:
    """What the caller's next job saw of the workflow's outputs."""
    return cast("dict[str, str]", json.loads(ran.outputs("seen")["outputs"]))


def test_two_good_releases_a_bad_one_and_the_way_back_by_hand(stage: Stage) -> None:
    stage.caller.write(".github/workflows/ship.yml", DEPLOY)
    stage.caller.write(".github/workflows/back.yml", ROLLBACK)
    stage.caller.write("ci-ops.yml", NOTIFY)

    one = stage.caller.commit()
    first = run(stage, "push")
    assert first.exit_code == 0
    assert first.jobs == {"deploy": "success", "after": "success"}
    assert seen(first).items() >= {"status": "pass", "reason": "ok", "rollback": ""}.items()
    assert stage.service.live == one

    two = stage.caller.commit(message=HOSTILE)
    second = run(stage, "push", ref=BRANCH, head_commit={"id": two, "message": HOSTILE})
    assert second.exit_code == 0
    assert stage.service.live == two
    assert stage.github.states() == [["in_progress", "inactive", "success"]] * 2
    assert stage.github.deployments[1]["payload"]["ref"] == BRANCH

    stage.caller.commit("fail")
    third = run(stage, "push")
    assert third.exit_code == 1
    assert third.jobs == {"deploy": "failure", "finish": "success"}  # act starts no job after a failed call
    assert third.uses == {
        "readiness": "success",
        "deploy": "success",
        "verify": "failure",
        "rollback": "success",
        "notify": "success",
    }
    assert stage.service.live == two
    assert third.outputs("verify")["reason"] == "findings"
    assert stage.github.states()[2] == ["in_progress", "inactive", "failure", "failure"]
    assert f"Rolled back to {two[:7]}, and proven." in stage.told

    fourth = run(stage, "workflow_dispatch", inputs={"reason": HOSTILE})
    assert fourth.exit_code == 0
    assert stage.service.live == one
    assert stage.github.states()[3][-1] == "success"
    assert "It's" in stage.github.deployments[3]["payload"]["reason"]
    assert not list(stage.act.folder.parent.rglob("owned*"))
    printed = "".join(each.log + each.summary for each in (first, second, third, fourth))
    assert TOKEN not in stage.told + printed
    assert "abcdefgh12345678" not in printed  # of the channel's address
    assert len({each.body for each in stage.slack.taken}) == len(stage.slack.taken)


def pull_request(stage: Stage, head: str, repository: str) -> Ran:
    """A pull request's run, from that repository."""
    return run(stage, "pull_request", pull_request={"head": {"sha": head, "repo": {"full_name": repository}}})


def test_a_pull_request_gets_a_status_on_its_head_and_one_from_a_fork_a_line_that_says_why_not(
    stage: Stage,
) -> None:
    stage.caller.write(".github/workflows/pr.yml", PULL_REQUEST)
    head = stage.caller.commit()
    ours = pull_request(stage, head, "org/app")
    assert ours.exit_code == 0
    statuses = [(each["sha"], each["context"], each["state"]) for each in stage.github.commit_statuses]
    assert statuses[-1] == (head, "ci-ops / readiness", "success")

    stage.github.permissions["statuses"] = "read"
    stage.caller.write("ci-ops.yml", "verion: 1\n")
    fork = pull_request(stage, stage.caller.commit(), "stranger/app")
    assert fork.exit_code == 1
    assert fork.jobs == {"readiness": "failure"}
    assert len(stage.github.commit_statuses) == len(statuses)
    assert "fork" in fork.log
    assert "verion" in fork.summary
