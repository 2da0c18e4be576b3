"""Which channels hear of which event."""

from __future__ import annotations

from typing import Any

import pytest

from ci_ops.channels._address import channel_at
from ci_ops.channels._route import recipients
from ci_ops.channels.console import Console
from ci_ops.channels.slack import Slack
from ci_ops.channels.webhook import Webhook
from ci_ops.core.event import Kind, Stage
from ci_ops.core.route import Route
from tests.support.events import JOB_EVENTS, event
from tests.support.reports import record

CHANNELS = ("ops", "dev", "audit")


FAILED = event(stage=Stage.FAILED)
ROLLED_BACK = event(kind=Kind.ROLLBACK)
COMPLETED = event()


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ("deployment.failed", {"deployment.failed"}),
        ("deployment.*", {"deployment.failed", "deployment.completed"}),
        ("rollback.*", {"rollback.completed"}),
        ("*.completed", {"deployment.completed", "rollback.completed"}),
        ("*", {"deployment.failed", "deployment.completed", "rollback.completed"}),
        ("deployment", set()),
    ],
)
def test_patterns_match_dotted_names(pattern: str, heard: set[str]) -> None:
    routes = [Route(events=(pattern,), to=("ops",))]
    found = {
        each.name
        for each in (FAILED, ROLLED_BACK, COMPLETED)
        if recipients(each, routes=routes, channels=CHANNELS)
    }
    assert found == heard


@pytest.mark.parametrize("pattern", ["job.failed", "job.*", "*.failed", "deployment.failed"])
def test_the_end_of_a_job_is_heard_by_those_who_hear_of_deployments(pattern: str) -> None:
    routes = [Route(events=(pattern,), to=("ops",))]
    assert recipients(JOB_EVENTS["job.failed"], routes=routes, channels=CHANNELS) == ("ops",)
    assert ("job.completed" in pattern or pattern == "job.*") == bool(
        recipients(JOB_EVENTS["job.completed"], routes=routes, channels=CHANNELS)
    )


def test_every_matching_route_adds_its_channels_once() -> None:
    routes = [Route(events=("*",), to=("dev", "ops")), Route(events=("deployment.*",), to=("ops", "audit"))]
    assert recipients(FAILED, routes=routes, channels=CHANNELS) == ("dev", "ops", "audit")


def test_without_routes_everyone_hears_everything() -> None:
    assert recipients(FAILED, routes=(), channels=CHANNELS) == CHANNELS


def test_all_means_every_channel() -> None:
    assert recipients(FAILED, routes=[Route(to=("all",))], channels=CHANNELS) == CHANNELS


def test_a_route_may_be_for_some_environments() -> None:
    routes = [Route(to=("ops",), environments=("production",))]
    staging = event(record=record(environment="staging"))
    assert recipients(COMPLETED, routes=routes, channels=CHANNELS) == ("ops",)
    assert recipients(staging, routes=routes, channels=CHANNELS) == ()


@pytest.mark.parametrize(("least", "heard"), [("pass", 3), ("warn", 2), ("fail", 1)])
def test_a_route_may_ask_for_a_severity(least: Any, heard: int) -> None:
    routes = [Route(to=("ops",), min_severity=least)]
    found = [
        each
        for each in (COMPLETED, ROLLED_BACK, FAILED)
        if recipients(each, routes=routes, channels=CHANNELS)
    ]
    assert len(found) == heard


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", Slack),
        (" https://hooks.slack.com/services/T0/B0/x\n", Slack),
        ("https://example.com/hook", Webhook),
        ("console", Console),
        ("mona", None),
    ],
)
def test_an_address_goes_to_the_kind_that_knows_it_best(address: str, kind: type | None) -> None:
    found = channel_at(address, [Webhook, Slack, Console])
    assert type(found) is (kind or type(None))
