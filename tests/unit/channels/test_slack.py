"""What goes to Slack, and what its answers mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.channels.slack import (
    FIELD_CHARACTERS,
    HEADER_CHARACTERS,
    MAX_FIELDS,
    SECTION_CHARACTERS,
    Slack,
    escape,
    mrkdwn,
    payload,
)
from ci_ops.core.health.status import Status
from ci_ops.core.message import Link, Message
from ci_ops.core.text.secret import Secret
from tests.support.channels import ChannelExample

EXAMPLE = ChannelExample(
    make=lambda url, timeout: Slack(webhook_url=Secret(url), timeout=timeout), escape=escape
)
MESSAGE = Message(
    event="deployment.failed",
    event_id="20261122T082700Z-abc1234/deployment.failed",
    severity=Status.FAIL,
    title="shop: deploying abc1234 to production failed",
    lines=("revision: A worker serves the old revision.",),
    facts=(("Environment", "production"),),
    links=(Link(label="Run", url="https://github.com/acme/shop/actions/runs/42"),),
)
MAX_BLOCKS = 50
ALL_TOGETHER = 13_200


def texts(value: Any) -> list[dict[str, Any]]:
    """Every text object of a payload."""
    if isinstance(value, list):
        return [found for each in value for found in texts(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") in {"mrkdwn", "plain_text"} else []
    return own + [found for each in value.values() for found in texts(each)]


def blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [*body["blocks"], *(block for each in body["attachments"] for block in each["blocks"])]


@pytest.mark.parametrize(
    ("event", "severity", "emoji", "colour"),
    [
        ("deployment.started", Status.PASS, "⏳", "#439fe0"),
        ("deployment.completed", Status.PASS, "✅", "good"),
        ("rollback.completed", Status.WARN, "⚠️", "warning"),
        ("deployment.failed", Status.FAIL, "❌", "danger"),
    ],
)
def test_emoji_and_colour_tell_the_severity(event: str, severity: Status, emoji: str, colour: str) -> None:
    body = payload(replace(MESSAGE, event=event, severity=severity))
    assert body["blocks"][0]["text"]["text"].startswith(emoji)
    assert body["text"].startswith(emoji)
    assert body["attachments"][0]["color"] == colour


def test_the_fallback_says_the_title_and_the_first_line() -> None:
    assert payload(MESSAGE)["text"] == (
        "❌ shop: deploying abc1234 to production failed — revision: A worker serves the old revision."
    )


def test_nobody_is_mentioned_and_nothing_becomes_a_link_by_itself() -> None:
    body = payload(
        replace(MESSAGE, title="<!channel> & <@U1>", lines=("<https://evil.example|click> @here",))
    )
    assert body["blocks"][0]["text"]["text"] == "❌ &lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert body["attachments"][0]["blocks"][0]["text"] == {
        "type": "mrkdwn",
        "text": "&lt;https://evil.example|click&gt; @here",
        "verbatim": True,
    }
    assert body["unfurl_links"] is False


def test_an_address_cannot_leave_its_link() -> None:
    body = payload(replace(MESSAGE, links=(Link(label="a|b>c", url="https://x.example/?a=1&b=<c>|d e"),)))
    assert body["attachments"][0]["blocks"][2]["text"]["text"] == (
        "<https://x.example/?a=1&amp;b=%3Cc%3E%7Cd%20e|a/b&gt;c>"
    )


def test_an_address_that_is_too_long_is_left_out_visibly() -> None:
    body = payload(
        replace(MESSAGE, links=(Link(label="Run", url="https://x.example/" + "y" * 3000), *MESSAGE.links))
    )
    assert body["attachments"][0]["blocks"][2]["text"]["text"] == (
        "Run (address too long to show) · <https://github.com/acme/shop/actions/runs/42|Run>"
    )


def test_lines_that_do_not_fit_are_counted() -> None:
    body = payload(replace(MESSAGE, lines=tuple("x" * 900 for _ in range(7))))
    text = body["attachments"][0]["blocks"][0]["text"]["text"]
    assert len(text) <= SECTION_CHARACTERS
    assert text.endswith("\n… and 4 more lines")


def test_one_endless_line_is_cut_visibly() -> None:
    text = payload(replace(MESSAGE, lines=("x" * 9000,)))["attachments"][0]["blocks"][0]["text"]["text"]
    assert 2900 < len(text) <= SECTION_CHARACTERS
    assert text.endswith("x…")


def test_a_cut_never_leaves_half_an_entity() -> None:
    assert mrkdwn("ab&cd", 10) == "ab&amp;cd"[:10]
    assert mrkdwn("aaaa&&&&", 10) == "aaaa&amp;…"
    assert mrkdwn("aaaa&&&&", 8) == "aaaa…"
    assert mrkdwn("a", 1) == "a"
    assert mrkdwn("ab", 1) == "…"


def test_a_message_with_only_a_title_is_whole() -> None:
    body = payload(Message(event="deployment.started", event_id="i", severity=Status.PASS, title=""))
    assert [block["type"] for block in blocks(body)] == ["header"]


anything = st.text(max_size=4000)


@given(
    title=anything,
    lines=st.lists(anything, max_size=40),
    facts=st.lists(st.tuples(anything, anything), max_size=15),
    links=st.lists(st.tuples(anything, anything), max_size=15),
)
def test_any_message_is_valid_escaped_and_within_every_limit(
    title: str, lines: list[str], facts: list[tuple[str, str]], links: list[tuple[str, str]]
) -> None:
    message = Message(
        event="deployment.failed",
        event_id=title,
        severity=Status.FAIL,
        title=title,
        lines=tuple(lines),
        facts=tuple(facts),
        links=tuple(Link(label=label, url=f"https://x.example/{url}") for label, url in links),
    )
    body = payload(message)
    assert json.loads(json.dumps(body).encode("utf-8")) == body
    assert len(blocks(body)) <= MAX_BLOCKS
    found = texts(body)
    assert sum(len(text["text"]) for text in found) <= ALL_TOGETHER
    for text in found:
        assert 1 <= len(text["text"]) <= SECTION_CHARACTERS
        plain = text["text"].replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert "&" not in plain
    for block in blocks(body):
        fields = block.get("fields", [])
        assert len(fields) <= MAX_FIELDS
        assert all(len(field["text"]) <= FIELD_CHARACTERS for field in fields)
    assert len(body["blocks"][0]["text"]["text"]) <= HEADER_CHARACTERS


@pytest.mark.parametrize(
    ("address", "is_slack"),
    [
        ("https://hooks.slack.com/services/T0/B0/xyz", True),
        ("https://hooks.slack-gov.com/services/T0/B0/xyz", True),
        ("http://127.0.0.1:8080/services/T0/B0/xyz", True),
        ("http://localhost/services/T0", True),
        ("http://hooks.slack.com/services/T0/B0/xyz", False),
        ("https://hooks.slack.com.evil.example/services/T0", False),
        ("https://example.com/services/T0", False),
        ("http://127.0.0.1:8080/other", False),
        ("console", False),
    ],
)
def test_slack_is_recognised_by_its_host(address: str, is_slack: bool) -> None:
    found = Slack.recognise(address)
    assert (found is not None) is is_slack
    if found is not None:
        assert found.webhook_url.reveal() == address
