"""From an event to its message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.channels._message import ADDRESS_CHARACTERS, MAX_DETAILS, VALUE_CHARACTERS, message_for
from ci_ops.core.delivery.record import State
from ci_ops.core.event import Event, Kind, Stage
from ci_ops.core.message import Link
from ci_ops.edge.templates import JinjaTemplates
from tests.support.events import EVENTS, JOB_EVENTS, event, hostile_event
from tests.support.reports import NEW, OLD, record

TEMPLATES = JinjaTemplates()


class Written:
    """A template that gives a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, name: str, /, **context: Any) -> str:
        del name, context
        return self.text

    def source(self, name: str, /) -> str:
        raise FileNotFoundError(name)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("deployment.started", "shop: deploying abc1234 to production"),
        ("deployment.completed", "shop: abc1234 is live in production"),
        ("deployment.failed", "shop: deploying abc1234 to production failed"),
        ("rollback.started", "shop: rolling production back to 0f1e2d3"),
        ("rollback.completed", "shop: production is rolled back to 0f1e2d3"),
        ("rollback.failed", "shop: rolling production back to 0f1e2d3 failed"),
    ],
)
def test_the_title_says_it_all(name: str, title: str) -> None:
    message = message_for(EVENTS[name], TEMPLATES)
    assert message.title == title
    assert message.event == name
    assert message.event_id.endswith(f"/{name}")
    assert message.links == (Link(label="Run", url="https://github.com/acme/shop/actions/runs/42"),)


@pytest.mark.parametrize(
    ("name", "title"), [("job.completed", "shop: the job ended well"), ("job.failed", "shop: the job failed")]
)
def test_a_job_without_a_deployment_is_told_as_a_job(name: str, title: str) -> None:
    message = message_for(JOB_EVENTS[name], TEMPLATES)
    assert (message.title, message.lines, message.record) == (title, ("The job ended.",), None)
    facts = [("Job", "release / ship"), ("Environment", "staging"), ("Revision", NEW[:7]), ("By", "octocat")]
    assert message.facts == tuple(facts)


def test_a_release_is_called_live_only_once_it_was_verified() -> None:
    unverified = record(state=State.UNVERIFIED)
    message = message_for(event(record=unverified), TEMPLATES)
    assert message.title == "shop: abc1234 is deployed to production, not verified"


def test_what_is_not_known_is_left_out() -> None:
    bare = record(ref="", actor="", run_url="", finished_at=None, revision="")
    message = message_for(event(stage=Stage.STARTED, record=bare, sentence=""), TEMPLATES)
    assert message.title == "shop: deploying a release to production"
    assert message.facts == (("Environment", "production"), ("Deployment", bare.id))
    assert message.lines == ()
    assert message.links == ()


def test_a_rollback_names_both_revisions_whether_it_has_a_record_of_its_own_or_not() -> None:
    own = record(kind="rollback", revision=OLD, previous_revision=NEW, reason="orders fail")
    facts = dict(message_for(event(kind=Kind.ROLLBACK, record=own), TEMPLATES).facts)
    assert (facts["Back to"], facts["Away from"], facts["Why"]) == ("0f1e2d3", "abc1234", "orders fail")
    automatic = dict(message_for(event(kind=Kind.ROLLBACK), TEMPLATES).facts)
    assert (automatic["Back to"], automatic["Away from"]) == ("0f1e2d3", "abc1234")


def test_many_details_are_counted_and_long_ones_cut() -> None:
    message = message_for(event(details=("x" * 5000,) * (MAX_DETAILS + 7)), TEMPLATES)
    assert message.lines[-1] == "… and 7 more"
    assert len(message.lines[1]) == VALUE_CHARACTERS
    assert message.lines[1].endswith("x…")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", "https://x/" + "y" * ADDRESS_CHARACTERS, 'https://"']
)
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    assert message_for(event(record=record(run_url=url)), TEMPLATES).links == ()


@given(text=st.text(max_size=300))
def test_no_text_adds_or_changes_a_line(text: str) -> None:
    message = message_for(hostile_event(text), TEMPLATES)
    assert {label for label, _ in message.facts} <= {
        "Environment",
        "Revision",
        "Version",
        "By",
        "Took",
        "Deployment",
    }
    assert len(message.lines) <= 3
    assert all(len(line.splitlines()) == 1 for line in message.lines)


@pytest.mark.parametrize("text", ["title: x\nsomething else", "titel: x", "line"])
def test_a_template_with_a_line_of_no_known_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected title, line, fact or link"):
        message_for(event(), Written(text))


def test_a_template_without_a_title_is_titled_by_its_event() -> None:
    found: Event = event()
    assert message_for(found, Written("line: hello\n")).title == "deployment.completed"
