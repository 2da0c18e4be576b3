"""What is written into a GitHub deployment, and what is believed of one that is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.delivery.record import State, new_id
from ci_ops.edge.github_record import MAX_DESCRIPTION, Shown, as_shown, described
from tests.support.github_client import RECORD, REVISION, START
from tests.support.verified import newest_verified

if TYPE_CHECKING:
    from ci_ops.edge.github import GitHub
    from tests.support.github_double import GitHubDouble


@given(st.text(max_size=400) | st.text(alphabet="🐛\ud800\n\x00é", max_size=400))
def test_every_description_is_one_that_github_takes(text: str) -> None:
    said = described(text)
    assert len(said) <= MAX_DESCRIPTION
    assert said.isprintable() or not any(letter in said for letter in "\n\r\x00")
    assert all(ord(letter) <= 0xFFFF for letter in said)
    assert json.loads(json.dumps(said).encode()) == said


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([], State.PLANNED),
        ([("success", "")], State.UNVERIFIED),
        ([("success", f"verified abc1234 {RECORD.id} ")], State.UNVERIFIED),
        ([("success", "verified 1111111 20261122T080000Z-1111111")], State.UNVERIFIED),
        ([("success", f"verified abc1234 {new_id(START + timedelta(1), REVISION)}")], State.UNVERIFIED),
        ([("inactive", f"verified abc1234 {RECORD.id}")], State.PLANNED),
        ([("failure", f"verified abc1234 {RECORD.id}")], State.FAILED),
        ([("success", f"marvellous abc1234 {RECORD.id}")], State.UNVERIFIED),
        ([("success", f"verified abc1234 {RECORD.id}")], State.VERIFIED),
        (
            [("success", f"verified abc1234 {RECORD.id}"), ("failure", "broken, says the night shift")],
            State.FAILED,
        ),
        ([("success", f"verified abc1234 {RECORD.id}"), ("inactive", "")], State.VERIFIED),
        ([("success", f"verified abc1234 {RECORD.id}"), ("success", "hello")], State.VERIFIED),
        ([("in_progress", "")], State.RUNNING),
        ([("success", ""), ("in_progress", "")], State.RUNNING),
        ([("in_progress", ""), ("pending", "")], State.RUNNING),
    ],
)
def test_only_our_own_words_beside_success_mean_verified(
    statuses: list[tuple[str, str]], state: State
) -> None:
    shown = [Shown(state=word, description=description, at=START) for word, description in reversed(statuses)]
    identity = replace(RECORD, state=State.PLANNED)
    assert as_shown(identity, shown).state is state


def payload(**more: object) -> dict[str, Any]:
    """A sound payload, with something else in it."""
    sound = {
        "ci_ops": 1,
        "id": RECORD.id,
        "service": "shop",
        "environment": "production",
        "revision": REVISION,
    }
    return {**sound, **more}


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        "a text, as other tools write it",
        None,
        payload(ci_ops="1"),
        payload(ci_ops=0 - 1),
        payload(id="../../etc/passwd"),
        payload(id=["x"]),
        payload(revision="0" * 40),
        payload(environment="staging"),
        payload(release="../outside"),
        payload(previous="../outside"),
        payload(previous_revision="main; rm -rf /"),
        payload(url="file:///etc/passwd"),
        payload(run_url="javascript:alert(1)"),
        payload(started_at="yesterday"),
    ],
)
def test_a_payload_that_is_not_soundly_ours_is_passed_over(
    double: GitHubDouble, github: GitHub, hostile: object
) -> None:
    github.open(RECORD)
    double.deployments[0]["payload"] = hostile
    assert github.history("production") == ()
    assert github.find("production", REVISION) is None


def test_fields_of_the_wrong_kind_do_not_reach_a_record(double: GitHubDouble, github: GitHub) -> None:
    github.open(RECORD)
    odd = payload(actor=5, components=["web"], previous=["x"], state="verified", external_id="1", version={})
    double.deployments[0]["payload"] = {**odd, "started_at": "2026-11-22T08:00:00", "unheard_of": "x"}
    (read,) = github.history("production")
    assert (read.actor, read.previous, read.version) == ("", "", "")
    assert read.state is State.RUNNING
    assert read.external_id == "1000"
    assert read.started_at is not None
    assert read.started_at.tzinfo is not None


def test_a_deployment_of_a_newer_version_stops_the_search(double: GitHubDouble, github: GitHub) -> None:
    github.open(RECORD)
    double.deployments[0]["payload"] = payload(ci_ops=2)
    with pytest.raises(LedgerError, match="newer version") as caught:
        newest_verified(github)
    assert caught.value.kind == "newer"


def test_a_release_that_was_verified_once_stays_known_as_such() -> None:
    verified = Shown(state="success", description=f"verified {RECORD.short_revision} {RECORD.id}", at=START)
    left = Shown(state="failure", description=f"rolled-back {RECORD.short_revision} {RECORD.id}")
    record = as_shown(RECORD, [left, verified])
    assert (record.state, record.verified_at) == (State.ROLLED_BACK, START)
    assert as_shown(RECORD, [left]).verified_at is None


def test_another_service_in_the_same_environment_is_not_read(double: GitHubDouble, github: GitHub) -> None:
    github.open(replace(RECORD, service="web", id=new_id(START, REVISION, after=RECORD.id)))
    own = github.open(RECORD)
    assert [each.id for each in github.history(RECORD.environment)] == [own.id]
