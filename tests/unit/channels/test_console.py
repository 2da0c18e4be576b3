"""The channel for people who read the run's output."""

from __future__ import annotations

import pytest

from ci_ops.channels.console import Console, text_lines
from ci_ops.core.health.status import Status
from ci_ops.core.message import Link, Message
from ci_ops.core.text.lines import console_line
from tests.support.channels import ChannelExample
from tests.support.reports import HOSTILE

EXAMPLE = ChannelExample(make=lambda *_: Console(), escape=console_line, uses_http=False)
MESSAGE = Message(
    event="rollback.completed",
    event_id="1/rollback.completed",
    severity=Status.WARN,
    title="shop: production is rolled back to 0f1e2d3",
    lines=("Rolled back, and proven.",),
    facts=(("Environment", "production"), ("By", "mona")),
    links=(Link(label="Run", url="https://github.com/acme/shop/actions/runs/42"),),
)


def test_the_message_is_aligned() -> None:
    assert list(text_lines(MESSAGE)) == [
        "[warn] shop: production is rolled back to 0f1e2d3",
        "  Rolled back, and proven.",
        "  Environment  production",
        "  By           mona",
        "  Run          https://github.com/acme/shop/actions/runs/42",
    ]


def test_hostile_text_stays_on_its_line_and_commands_nobody() -> None:
    hostile = Message(
        event="deployment.failed",
        event_id=HOSTILE,
        severity=Status.FAIL,
        title=HOSTILE,
        lines=("::add-mask::x", HOSTILE),
        facts=((HOSTILE, HOSTILE),),
    )
    lines = list(text_lines(hostile))
    assert len(lines) == 4
    assert not any(line.lstrip().startswith("::") or "##[" in line or "\x1b" in line for line in lines)


def test_a_message_with_a_title_alone_is_one_line() -> None:
    assert list(text_lines(Message(event="e", event_id="1", severity=Status.PASS, title="hello"))) == [
        "[pass] hello"
    ]


@pytest.mark.parametrize(
    ("address", "is_one"), [("console", True), ("-", True), ("https://example.com", False)]
)
def test_it_is_recognised_by_its_word(address: str, is_one: bool) -> None:
    assert (Console.recognise(address) is not None) is is_one
