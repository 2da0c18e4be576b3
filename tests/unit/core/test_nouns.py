from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.delivery.record import (
    DeploymentRecord,
    State,
    check_schema,
    is_deployment_id,
    is_revision,
    new_id,
)
from ci_ops.core.delivery.step import (
    Step,
    StepResult,
    step_from_json,
    step_to_json,
)
from ci_ops.core.delivery.steps.command import Command
from ci_ops.core.delivery.steps.request import Request
from ci_ops.core.delivery.steps.wait import Wait
from ci_ops.core.event import Delivery, Event, Kind, Outcome, Stage
from ci_ops.core.health.status import Status, status_of, worst
from ci_ops.core.result import Finding, Location, Result
from ci_ops.core.text.secret import Secret
from tests.support.deployments import NEW, a_record

words = st.text(max_size=20)
commands = st.builds(
    Command,
    title=words,
    key=words,
    run=words,
    changes=st.booleans(),
    no_undo=words,
    probe=words,
    undo=st.none() | st.builds(Request, title=words, key=words, method=words, url=words),
)
requests = st.builds(
    Request,
    title=words,
    key=words,
    method=words,
    url=words,
    headers=st.dictionaries(words, words, max_size=3),
)
waits = st.builds(Wait, title=words, key=words, run=words)


@given(commands | requests | waits)
def test_a_step_survives_being_written(step: Step) -> None:
    assert step_from_json(json.loads(json.dumps(step_to_json(step)))) == step


A_COMMAND = {"kind": "command", "title": "t", "key": "k", "run": "true"}
A_REQUEST = {"kind": "request", "title": "t", "key": "k", "method": "GET", "url": "x"}
NO_STEPS: list[Any] = [
    *({}, {"kind": "dance"}, {"kind": "command", "surprise": 1}, {"kind": []}),
    *({**A_COMMAND, "title": 5}, {**A_COMMAND, "run": ["rm"]}, {**A_COMMAND, "changes": "yes"}),
    *({**A_COMMAND, "timeout_seconds": value} for value in ("x", None, float("nan"), float("inf"))),
    *({**A_COMMAND, "undo": 7}, {**A_COMMAND, "undo": {**A_COMMAND, "run": None}}),
    *({**A_REQUEST, "headers": {"a": 1}}, {**A_REQUEST, "headers": []}),
]


@pytest.mark.parametrize("document", NO_STEPS)
def test_what_is_no_step_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a step"):
        step_from_json(document)


def test_the_first_line_of_an_output_is_what_steps_read() -> None:
    assert StepResult(ok=True, code=0, output="\n one \ntwo\n").line == "one"
    assert StepResult(ok=True, code=0).line == ""
    assert StepResult.from_json({"ok": True, "code": 1, "output": ""}).seconds == 0.0


@given(
    st.builds(
        DeploymentRecord,
        id=words,
        service=words,
        environment=words,
        revision=words,
        started_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        state=st.sampled_from(State),
        external_id=words,
    )
)
def test_a_record_survives_being_written(record: DeploymentRecord) -> None:
    again = DeploymentRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record
    assert again.external_id == record.external_id


NO_RECORDS: list[Any] = [
    *({"schema": 1}, {"schema": 1, **a_record().to_json(), "state": "sideways"}, {"schema": 2}, {}),
    *({**a_record().to_json(), name: None} for name in ("id", "url", "kind")),
    *({**a_record().to_json(), name: ["x"]} for name in ("id", "url", "kind", "started_at")),
    *({**a_record().to_json(), "started_at": "yesterday"}, {**a_record().to_json(), "started_at": 5}),
]


@pytest.mark.parametrize("document", NO_RECORDS)
def test_what_is_no_record_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not a deployment record|schema"):
        DeploymentRecord.from_json(document)


def test_a_record_with_fields_of_an_earlier_version_is_still_read() -> None:
    earlier = {"components": ["web"], "steps_digest": "", "backup": "", "migrations": []}
    assert DeploymentRecord.from_json({**a_record().to_json(), **earlier}) == a_record()


def test_the_previous_major_version_is_still_read() -> None:
    assert DeploymentRecord.from_json({**a_record().to_json(), "schema": 0}) == a_record()
    with pytest.raises(ValueError, match="schema"):
        check_schema([])


def test_an_id_is_a_sortable_folder_name() -> None:
    now = datetime(2026, 11, 22, 8, 0, 1, tzinfo=UTC)
    assert new_id(now, NEW) == "20261122T080001Z-2222222"
    assert new_id(now, "") == "20261122T080001Z-0000000"
    assert is_deployment_id(new_id(now, NEW))
    assert new_id(now, "1" * 40, after=new_id(now, NEW)) == "20261122T080002Z-1111111"
    assert new_id(now, NEW, after="20261122T095959Z-1111111") == "20261122T100000Z-2222222"
    assert new_id(now, NEW, after="no id at all") == new_id(now, NEW)
    assert not is_deployment_id("../../etc")
    assert is_revision(NEW)
    assert not is_revision(NEW.upper() + "A")


def test_a_record_knows_its_duration_and_names() -> None:
    record = a_record()
    assert record.duration_seconds is None
    assert record.started_at is not None
    ended = record.with_state(State.VERIFIED, at=record.started_at + timedelta(seconds=90))
    assert ended.duration_seconds == 90.0
    assert ended.short_revision == "2222222"
    assert a_record(revision="").short_revision == "unknown"
    assert record.release_id == record.id
    assert a_record(release="other").release_id == "other"


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN])
def test_what_measured_nothing_cannot_be_good(status: Status) -> None:
    with pytest.raises(ValueError, match="measured nothing"):
        Result(check="x", status=status, sentence="", measured=0)


def test_a_required_result_blocks_where_it_failed_or_could_not_measure() -> None:
    fine = Result(check="x", status=Status.PASS, sentence="", measured=1)
    skipped = Result(check="x", status=Status.SKIP, sentence="", measured=0)
    assert not any(each.blocks for each in (fine, skipped))
    for status in (Status.FAIL, Status.ERROR):
        assert Result(check="x", status=status, sentence="", measured=0).blocks
        assert not Result(check="x", status=status, sentence="", measured=0, required=False).blocks
    assert fine.timed(attempts=3, seconds=2.0).to_json()["attempts"] == 3


def test_a_fingerprint_does_not_depend_on_what_was_observed() -> None:
    one = Finding(rule="tls/expiry", severity=Status.WARN, sentence="s", observed="9 days", subject="a")
    same = Finding(rule="tls/expiry", severity=Status.FAIL, sentence="s", observed="8 days", subject="a")
    other = Finding(
        rule="tls/expiry",
        severity=Status.WARN,
        sentence="s",
        subject="a",
        location=Location(file="f", line=2),
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert other.to_json()["location"] == "f:2"
    assert one.to_json()["location"] == ""


def test_an_event_has_a_dotted_name() -> None:
    event = Event(
        id="x",
        sequence=1,
        kind=Kind.ROLLBACK,
        stage=Stage.FAILED,
        subject=a_record(),
        severity=Status.FAIL,
        sentence="",
    )
    assert event.name == "rollback.failed"
    assert Delivery(target="t", event="x", outcome=Outcome.DELIVERED).to_json()["outcome"] == "delivered"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("UP", Status.PASS),
        (" Healthy ", Status.PASS),
        (True, Status.PASS),
        (False, Status.FAIL),
        ("degraded", Status.WARN),
        ("error", Status.ERROR),
        ("unheard of", None),
        (7, None),
    ],
)
def test_foreign_words_have_one_meaning(word: object, status: Status | None) -> None:
    assert status_of(word) is status


def test_the_worst_status_decides() -> None:
    assert worst([Status.PASS, Status.ERROR, Status.FAIL, Status.SKIP]) is Status.FAIL
    assert worst([Status.SKIP, Status.PASS]) is Status.PASS
    assert worst([]) is None


def test_a_secret_is_only_seen_when_it_is_revealed() -> None:
    secret = Secret("hunter2hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {secret!s} {secret:>20}"
    assert secret.reveal() == "hunter2hunter2"
    assert secret == Secret("hunter2hunter2")
    assert secret != "hunter2hunter2"
    assert hash(secret) == hash(Secret("hunter2hunter2"))
    assert secret
    assert not Secret("")
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not written"):
            write(secret)
