"""The GitHub door, against a local server that speaks GitHub's REST API."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.delivery.record import State, new_id
from ci_ops.core.errors import UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.ports.forge import commit_state
from tests.support.github_client import RECORD, REVISION, START, TOKEN, client_of
from tests.support.verified import newest_verified

if TYPE_CHECKING:
    from ci_ops.edge.github import GitHub
    from tests.support.github_double import GitHubDouble


def test_a_deployment_is_created_without_merging_and_without_waiting_for_checks(
    double: GitHubDouble, github: GitHub
) -> None:
    double.is_behind = double.checks_fail = True
    opened = github.open(RECORD)
    create, status = double.writes()
    assert create.body == {
        "ref": REVISION,
        "task": "deploy",
        "auto_merge": False,
        "required_contexts": [],
        "environment": "production",
        "description": "deployment of shop abc1234",
        "payload": {
            "ci_ops": 1,
            "id": RECORD.id,
            "service": "shop",
            "environment": "production",
            "revision": REVISION,
            "kind": "deployment",
            "type": "standard",
            "previous": "20261121T080000Z-1111111",
            "previous_revision": "1" * 40,
            "run_url": RECORD.run_url,
            "url": RECORD.url,
            "started_at": "2026-11-22T08:00:00+00:00",
        },
    }
    assert status.body == {
        "state": "in_progress",
        "description": f"running abc1234 {RECORD.id}",
        "target_url": RECORD.run_url,
        "environment_url": RECORD.url,
        "auto_inactive": True,
    }
    assert opened.external_id == str(double.deployments[0]["id"])


def test_opening_and_closing_takes_four_requests_and_no_look_at_the_repository(
    double: GitHubDouble, github: GitHub
) -> None:
    github.update(github.open(RECORD).with_state(State.VERIFIED))
    assert [(each.method, each.path.removeprefix("/repos/org/app")) for each in double.requests] == [
        ("GET", "/deployments"),
        ("POST", "/deployments"),
        ("POST", "/deployments/1000/statuses"),
        ("POST", "/deployments/1000/statuses"),
    ]
    assert all(each.headers["authorization"] == f"token {TOKEN}" for each in double.requests)


def test_a_planned_deployment_has_no_status_until_it_runs(double: GitHubDouble, github: GitHub) -> None:
    opened = github.open(replace(RECORD, state=State.PLANNED))
    assert double.states() == [[]]
    github.update(opened)
    assert double.states() == [["queued"]]


def test_success_is_written_for_a_verified_deployment_alone(double: GitHubDouble, github: GitHub) -> None:
    opened = github.open(RECORD)
    for state in State:
        github.update(replace(opened, state=state, error="why"))
    shown = {each["description"].split()[0]: each["state"] for each in double.deployments[0]["statuses"]}
    assert [word for word, state in shown.items() if state == "success"] == ["verified"]
    assert f"verified abc1234 {RECORD.id}" in [
        each["description"] for each in double.deployments[0]["statuses"]
    ]


@pytest.mark.parametrize("state", [state for state in State if state not in {State.PLANNED, State.RUNNING}])
def test_what_has_ended_is_never_left_in_progress(double: GitHubDouble, github: GitHub, state: State) -> None:
    github.update(replace(github.open(RECORD), state=state))
    assert double.states()[0][-1] not in {"queued", "pending", "in_progress"}


def test_addresses_that_github_would_refuse_are_left_out(double: GitHubDouble, github: GitHub) -> None:
    github.open(replace(RECORD, run_url="", url="ftp://shop"))
    assert double.writes()[1].body.keys() == {"state", "description", "auto_inactive"}


def test_the_reason_of_a_rollback_is_kept_without_the_secrets_in_it(
    double: GitHubDouble, github: GitHub
) -> None:
    github.open(replace(RECORD, kind="rollback", reason=f"leaked {TOKEN}"))
    assert double.writes()[0].body["payload"]["reason"] == "leaked ***"
    assert double.writes()[0].body["description"] == "rollback of shop abc1234"


def test_a_long_cause_of_failure_is_cut_to_what_github_takes(double: GitHubDouble, github: GitHub) -> None:
    opened = github.open(RECORD)
    github.update(opened.with_state(State.FAILED, error="🐛 " + "health answered 503\n" * 50))
    (read,) = github.history("production")
    assert read.state is State.FAILED
    assert read.error.startswith("\ufffd health answered 503 health")
    assert read.error.endswith("…")


def test_githubs_own_inactive_takes_nothing_from_a_verification(double: GitHubDouble, github: GitHub) -> None:
    staging = replace(RECORD, environment="staging")
    github.update(github.open(staging).with_state(State.VERIFIED))
    newer = replace(staging, id=new_id(START + timedelta(minutes=1), REVISION))
    github.update(github.open(newer).with_state(State.VERIFIED))
    assert double.states() == [["in_progress", "success", "inactive"], ["in_progress", "success"]]
    assert [each.state for each in github.history("staging")] == [State.VERIFIED, State.VERIFIED]


def test_a_deployment_that_ended_knows_when_and_one_under_way_does_not(
    double: GitHubDouble, github: GitHub
) -> None:
    opened = github.open(RECORD)
    assert github.history("production")[0].finished_at is None
    github.update(opened.with_state(State.VERIFIED))
    ended = github.history("production")[0]
    assert ended.finished_at is not None
    assert ended.finished_at.utcoffset() == timedelta(0)


def test_the_search_goes_on_over_pages_full_of_other_peoples_deployments(
    double: GitHubDouble, github: GitHub
) -> None:
    github.update(github.open(RECORD).with_state(State.VERIFIED))
    (ours,) = double.deployments
    foreign = [{**ours, "id": 2000 + number, "payload": {}, "statuses": []} for number in range(230)]
    double.deployments.extend(foreign)
    double.requests.clear()
    last = newest_verified(github)
    assert last is not None
    assert last.id == RECORD.id
    assert [each.query.get("page", "1") for each in double.requests] == ["1", "2", "3", "1"]


def test_the_search_ends_after_a_thousand_deployments(double: GitHubDouble, github: GitHub) -> None:
    github.open(RECORD)
    (ours,) = double.deployments
    double.deployments.extend({**ours, "id": 2000 + number, "payload": {}} for number in range(1000))
    double.requests.clear()
    assert newest_verified(github) is None
    assert len(double.requests) == 10


def test_a_deployment_that_a_newer_one_pushed_onto_the_next_page_is_seen_once(
    double: GitHubDouble, github: GitHub
) -> None:
    github.open(RECORD)
    (ours,) = double.deployments
    for number in range(1, 120):
        identity = new_id(START + timedelta(minutes=number), REVISION)
        double.deployments.append(
            {**ours, "id": 2000 + number, "payload": {**ours["payload"], "id": identity}}
        )
    records = github.records("production")
    first = [next(records) for _ in range(100)]
    double.deployments.append({**ours, "id": 9999, "payload": {}})
    assert len({each.id for each in [*first, *records]}) == 120 == len(first) + 20


@pytest.mark.parametrize(
    ("run_url", "is_closed"),
    [
        ("https://github.com/org/app/actions/runs/7", True),
        ("https://github.com/org/app/actions/runs/7/job/70", True),
        ("https://github.com/org/app/actions/runs/7/job/71", False),
        ("https://github.com/org/app/actions/runs/8", False),
        ("https://github.com/org/app/actions/runs/404", True),
        ("https://github.com/org/other/actions/runs/7", False),
        ("", False),
    ],
)
def test_a_deployment_left_open_by_a_run_that_is_over_is_closed(
    double: GitHubDouble, github: GitHub, run_url: str, is_closed: bool
) -> None:
    double.runs = {7: "completed", 8: "in_progress"}
    double.jobs = {70: "completed", 71: "in_progress"}
    github.open(replace(RECORD, run_url=run_url))
    closed = github.close_stale("production")
    assert [each.state for each in closed] == [State.INTERRUPTED] * is_closed
    assert double.states()[0] == ["in_progress", *["error"] * is_closed]


def test_what_ended_is_not_closed_again(double: GitHubDouble, github: GitHub) -> None:
    double.runs = {7: "completed"}
    begun = replace(RECORD, run_url="https://github.com/org/app/actions/runs/7")
    github.update(github.open(begun).with_state(State.UNVERIFIED))
    assert github.close_stale("production") == ()
    github.update(github.open(begun).with_state(State.RUNNING))
    (closed,) = github.close_stale("production")
    assert closed.error == "its run ended before it did"


def test_services_that_are_deployed_in_the_same_second_have_deployments_of_their_own(
    double: GitHubDouble,
) -> None:
    with client_of(double) as shop, client_of(double, service="billing") as billing:
        one = shop.open(RECORD)
        other = billing.open(replace(RECORD, service="billing"))
        assert one.external_id != other.external_id
        assert billing.open(replace(RECORD, service="billing")).external_id == other.external_id
    assert len(double.deployments) == 2


def test_without_the_permission_to_look_at_runs_nothing_is_closed(
    double: GitHubDouble, github: GitHub
) -> None:
    double.permissions["actions"] = ""
    github.open(RECORD)
    with pytest.raises(LedgerError) as caught:
        github.close_stale("production")
    assert (caught.value.permission, caught.value.is_skip) == ("actions: read", True)
    assert double.states() == [["in_progress"]]


def test_a_state_is_shown_on_the_commit_in_one_request(double: GitHubDouble, github: GitHub) -> None:
    github.commit_status(
        REVISION,
        context="ci-ops/readiness",
        state="failure",
        description="2 findings 🐛\n" * 20,
        url=RECORD.run_url,
    )
    github.commit_status(REVISION, context="c" * 300, state="success", description="", url="nowhere")
    (first, second) = double.commit_statuses
    assert (first["sha"], first["state"], first["context"]) == (REVISION, "failure", "ci-ops/readiness")
    assert first["target_url"] == RECORD.run_url
    assert first["description"].startswith("2 findings \ufffd 2 findings")
    assert (len(second["context"]), second["target_url"]) == (255, None)
    assert len(double.requests) == 2


def test_on_a_fork_the_missing_permission_is_named(double: GitHubDouble, github: GitHub) -> None:
    double.permissions["statuses"] = "read"
    with pytest.raises(LedgerError) as caught:
        github.commit_status(REVISION, context="ci-ops", state="success", description="ready")
    assert (caught.value.permission, caught.value.is_skip) == ("statuses: write", True)
    assert "from forks" in caught.value.hint


def test_only_a_full_commit_id_has_a_state(github: GitHub) -> None:
    with pytest.raises(UsageError, match="not a full commit id"):
        github.commit_status("main", context="ci-ops", state="success", description="")


def test_what_nobody_looked_at_is_never_shown_as_success() -> None:
    shown = {status: commit_state(status) for status in (None, *Status)}
    assert shown == {
        None: "pending",
        Status.PASS: "success",
        Status.WARN: "success",
        Status.SKIP: "error",
        Status.FAIL: "failure",
        Status.ERROR: "error",
    }
