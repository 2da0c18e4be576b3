"""Reports as the flows make them, one of every kind, and hostile ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.event import Delivery, Outcome
from ci_ops.core.health.status import Status
from ci_ops.core.report import Availability, Measurement, Provenance, Report, StepOutcome, StepState
from ci_ops.core.result import Finding, Location, Result

NOW = datetime(2026, 11, 22, 8, 27, 0, tzinfo=UTC)
NEW = "abc1234" + "0" * 33
OLD = "0f1e2d3" + "0" * 33

HOSTILE = (
    "fix | pipe <b onload=x>&amp; <!channel> [x](javascript:alert(1)) `code` ``` @everyone #1 "
    "::error::pwned ##[add-mask]x %0A *b* _i_ ~s~ \\ {{ 7*7 }} {% raw %} ${HOME} \"q\" 'q'\r\n"
    "::set-output name=x::1\n| a | b |\n---\n# head\n```\n<!-- \x1b[31m\u202egnp.exe\ud800 end"
)
"""Everything at once that means something to somebody who might read it."""


def record(**changes: Any) -> DeploymentRecord:
    """A deployment of a shop that went well."""
    made = DeploymentRecord(
        id="20261122T082700Z-abc1234",
        service="shop",
        environment="production",
        revision=NEW,
        ref="main",
        previous="20261121T101500Z-0f1e2d3",
        previous_revision=OLD,
        actor="mona",
        run_url="https://github.com/acme/shop/actions/runs/42",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=34.2),
        state=State.VERIFIED,
    )
    return replace(made, **changes)


def step(key: str, state: StepState = StepState.DONE, **changes: Any) -> StepOutcome:
    """One step as it went."""
    return replace(StepOutcome(key=key, title=key.capitalize(), state=state, changes=True), **changes)


HEALTH = Result(
    check="health",
    status=Status.PASS,
    sentence="GET /health answered 200 in 12 ms.",
    measured=3,
    seconds=0.041,
)
TLS = Result(
    check="tls",
    status=Status.PASS,
    sentence="The certificate is valid for 62 more days.",
    measured=1,
    seconds=0.12,
    facts={"days_left": 62, "protocol": "TLSv1.3"},
)
REVISION = Result(
    check="revision",
    status=Status.PASS,
    sentence="8 of 8 connections answered abc1234.",
    measured=8,
    seconds=0.2,
    facts={"histogram": {"abc1234": 8}},
)
SLOW = Result(
    check="health",
    status=Status.WARN,
    sentence="GET /health answered 200 in 740 ms, slower than 500 ms.",
    measured=3,
    seconds=0.9,
    findings=(
        Finding(
            rule="health/slow",
            severity=Status.WARN,
            sentence="The answer took longer than the warning limit.",
            expected="at most 500 ms",
            observed="740 ms",
            subject="https://shop.example.com/health",
            location=Location(file="ci-ops.yml", line=12),
            advice="Look at the slowest component, or raise `latency.warn`.",
        ),
    ),
)
STALE = Result(
    check="revision",
    status=Status.FAIL,
    sentence="3 of 8 connections still answer 0f1e2d3.",
    measured=8,
    attempts=5,
    seconds=10.4,
    transient=True,
    facts={"histogram": {"abc1234": 5, "0f1e2d3": 3}},
    findings=(
        Finding(
            rule="revision/stale",
            severity=Status.FAIL,
            sentence="A worker serves the old revision.",
            expected="abc1234 on every connection",
            observed="0f1e2d3 on 3 of 8",
            subject="https://shop.example.com/",
            location=Location(file="ci-ops.yml", line=17),
            advice="Restart every worker, not only the first one.",
        ),
    ),
)
UNREADABLE = Result(
    check="revision",
    status=Status.ERROR,
    sentence="No revision could be read.",
    measured=0,
    seconds=0.1,
    findings=(
        Finding(
            rule="revision/missing",
            severity=Status.ERROR,
            sentence="Neither /__version__ nor the health answer names a commit.",
            advice="Serve `/__version__` with `$.commit`.",
        ),
    ),
)
SKIPPED = Result(
    check="tls",
    status=Status.SKIP,
    sentence="The address is http, so there is no TLS.",
    measured=0,
    required=False,
)
STEPS = (
    step("build", seconds=2.4, started_offset_seconds=0.2, run="python -m build", title="Build the release"),
    step("migrate", seconds=1.1, started_offset_seconds=2.7, run="python manage.py migrate", title="Migrate"),
    step(
        "switch",
        seconds=0.02,
        started_offset_seconds=3.9,
        run="mv -T current.new current",
        title="Switch current",
    ),
)
DELIVERED = (
    Delivery(
        target="ops",
        event="20261122T082700Z-abc1234/deployment.started",
        outcome=Outcome.DELIVERED,
        seconds=0.12,
    ),
    Delivery(
        target="ops",
        event="20261122T082700Z-abc1234/deployment.completed",
        outcome=Outcome.DELIVERED,
        seconds=0.09,
    ),
)

PROVENANCE = Provenance(
    at=NOW,
    environment="production",
    service="shop",
    revision=NEW,
    ci_ops_version="1.2.3",
    python_version="3.11.9",
)
PASSED = Report(
    command="deploy",
    provenance=PROVENANCE,
    record=record(),
    results=(HEALTH, REVISION, TLS),
    steps=STEPS,
    measurements=(
        Measurement(
            title="Check abc1234",
            phase="verify",
            status=Status.PASS,
            started_offset_seconds=4.0,
            seconds=30.1,
        ),
    ),
    deliveries=DELIVERED,
    sentence="abc1234 is live in production and verified.",
    changed=True,
    seconds=34.2,
)
WARNED = Report(command="verify", record=record(), results=(SLOW, REVISION), seconds=1.4)
FAILED = Report(
    command="verify",
    record=record(state=State.FAILED),
    results=(HEALTH, STALE, TLS),
    deliveries=(
        Delivery(
            target="ops",
            event="20261122T082700Z-abc1234/deployment.failed",
            outcome=Outcome.FAILED,
            attempts=3,
            seconds=9.8,
            sentence="Slack answered 500",
        ),
    ),
    seconds=12.1,
)
ERRORED = Report(
    command="verify", record=record(state=State.UNVERIFIED), results=(HEALTH, UNREADABLE), seconds=0.4
)
SKIPPING = Report(
    command="verify",
    record=record(),
    results=(HEALTH, SKIPPED),
    deliveries=(
        Delivery(
            target="-",
            event="20261122T082700Z-abc1234/deployment.completed",
            outcome=Outcome.SKIPPED,
            attempts=0,
            sentence="no route for deployment.completed",
        ),
    ),
)
EMPTY = Report(command="readiness")
FAILED_STEP = Report(
    command="deploy",
    record=record(state=State.FAILED),
    steps=(
        STEPS[0],
        step(
            "migrate",
            StepState.FAILED,
            seconds=1.1,
            started_offset_seconds=2.7,
            run="python manage.py migrate",
            title="Migrate",
            output="Applying shop.0002_orders...\nOperationalError: no such column: total\n",
        ),
        step(
            "build",
            StepState.UNDONE,
            seconds=0.3,
            started_offset_seconds=4.0,
            phase="undo",
            title="Build the release",
        ),
        step("switch", StepState.PLANNED, title="Switch current"),
    ),
    reason="deploy-failed",
    changed=True,
    seconds=4.4,
)
ROLLED_BACK = Report(
    command="deploy",
    record=record(state=State.ROLLED_BACK),
    results=(HEALTH, STALE),
    proof=(
        HEALTH,
        replace(
            REVISION,
            sentence="8 of 8 connections answered 0f1e2d3.",
            facts={"histogram": {"0f1e2d3": 8}},
        ),
    ),
    steps=(
        *STEPS,
        step(
            "switch",
            StepState.UNDONE,
            seconds=0.03,
            started_offset_seconds=14.8,
            phase="undo",
            title="Switch current",
        ),
        step(
            "build",
            StepState.UNDONE,
            seconds=0.2,
            started_offset_seconds=14.9,
            phase="undo",
            title="Build the release",
        ),
    ),
    measurements=(
        Measurement(
            title="Check abc1234",
            phase="verify",
            status=Status.FAIL,
            started_offset_seconds=4.0,
            seconds=10.4,
        ),
        Measurement(
            title="Check 0f1e2d3",
            phase="verify",
            status=Status.PASS,
            started_offset_seconds=15.2,
            seconds=0.4,
        ),
    ),
    deliveries=(
        DELIVERED[0],
        Delivery(
            target="ops",
            event="20261122T082700Z-abc1234/rollback.completed",
            outcome=Outcome.DELIVERED,
            attempts=2,
            seconds=1.3,
        ),
    ),
    availability=Availability(requests=412, failures=3, longest_gap_seconds=0.93),
    reason="rolled-back",
    sentence="Rolled back to 0f1e2d3, and proven.",
    notes=("The database was not changed back: migrate has no undo.",),
    changed=True,
    seconds=16.2,
)
DRY_RUN = Report(
    command="rollback",
    record=record(kind="rollback", state=State.PLANNED),
    steps=(
        step(
            "switch",
            StepState.PLANNED,
            phase="rollback",
            run="mv -T current.new current",
            title="Switch current",
        ),
    ),
    reason="ok",
    sentence="This is what would be done.",
    dry_run=True,
)


def hostile_report(text: str = HOSTILE) -> Report:
    """A report in which every text from outside is that text."""
    finding = Finding(
        rule="health/slow",
        severity=Status.FAIL,
        sentence=text,
        expected=text,
        observed=text,
        subject=text,
        location=Location(file=text, line=3),
        advice=text,
    )
    result = Result(
        check=text,
        status=Status.FAIL,
        sentence=text,
        measured=1,
        findings=(finding,),
        facts={text: text, "histogram": {text: 3}, "endless": float("inf"), "thing": NOW},  # ours win
    )
    return Report(
        command="deploy",
        record=hostile_record(text),
        results=(result,),
        proof=(result,),
        steps=(step("one", StepState.FAILED, title=text, run=text, output=text, phase=text, seconds=1.0),),
        deliveries=(
            Delivery(target=text, event=text, outcome=Outcome.FAILED, sentence=text, reference=text),
        ),
        availability=Availability(requests=1, failures=1, longest_gap_seconds=1.0),
        reason="rolled-back",
        sentence=text,
        notes=(text,),
    )


def hostile_record(text: str = HOSTILE) -> DeploymentRecord:
    """A record in which every text from outside is that text."""
    return record(
        id=text,
        service=text,
        environment=text,
        ref=text,
        version=text,
        actor=text,
        run_url=text,
        reason=text,
        error=text,
    )


REPORTS = {
    "pass": PASSED,
    "warn": WARNED,
    "fail": FAILED,
    "error": ERRORED,
    "skip": SKIPPING,
    "empty": EMPTY,
    "failed-step": FAILED_STEP,
    "rolled-back": ROLLED_BACK,
    "dry-run": DRY_RUN,
    "hostile": hostile_report(),
}
"""Every kind of report, by the name of its golden files."""
