from __future__ import annotations

import pytest

from ci_ops.core.errors import (
    CiOpsError,
    ConfigError,
    Inconclusive,
    Interrupted,
    LockHeld,
    Problem,
    UsageError,
)
from ci_ops.core.event import Delivery, JobSubject, Outcome
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS, deciding_exit_code
from ci_ops.core.report import (
    Availability,
    Report,
    StepOutcome,
    StepState,
    failed_deliveries,
    reason_for,
)
from ci_ops.core.result import Result
from tests.support.deployments import a_record


def of(status: Status, *, required: bool = True, measured: int = 1) -> Result:
    return Result(check="x", status=status, sentence="", measured=measured, required=required)


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([], "nothing-measured"),
        ([of(Status.SKIP, required=False, measured=0)], "nothing-measured"),
        ([of(Status.PASS)], "ok"),
        ([of(Status.WARN), of(Status.PASS)], "warned"),
        ([of(Status.PASS), of(Status.FAIL, required=False)], "warned"),
        ([of(Status.PASS), of(Status.SKIP, measured=0)], "ok"),
        ([of(Status.SKIP, measured=0)], "nothing-measured"),
        ([of(Status.FAIL), of(Status.SKIP, measured=0)], "findings"),
        ([of(Status.PASS), of(Status.ERROR, measured=0)], "inconclusive"),
        ([of(Status.FAIL), of(Status.ERROR, measured=0)], "findings"),
    ],
)
def test_the_reason_follows_from_the_results(results: list[Result], reason: str) -> None:
    assert reason_for(results) == reason


def test_warnings_block_where_they_are_wanted_to() -> None:
    assert reason_for([of(Status.WARN)], fail_on_warn=True) == "findings"
    assert reason_for([of(Status.PASS)], fail_on_warn=True) == "ok"


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("ok", Status.PASS),
        ("warned", Status.WARN),
        ("unchanged", Status.WARN),
        ("delivery-failed", Status.WARN),
        ("findings", Status.FAIL),
        ("rolled-back", Status.FAIL),
        ("rollback-failed", Status.FAIL),
        ("inconclusive", Status.ERROR),
        ("interrupted", Status.ERROR),
        ("nothing-measured", Status.ERROR),
    ],
)
def test_the_status_follows_from_the_reason(reason: str, status: Status) -> None:
    assert Report(command="verify", reason=reason).status is status


def test_every_reason_has_advice_and_a_documented_exit_code() -> None:
    codes = {reason.exit_code for reason in REASONS.values()}
    assert codes == {0, 1, 2, 3, 4, 5, 6, 7, 69, 70, 130, 143}
    assert all(reason.meaning and reason.advice for reason in REASONS.values())


@pytest.mark.parametrize(
    ("codes", "decided"), [([0, 3, 1], 1), ([1, 4], 4), ([4, 2], 2), ([0, 3], 3), ([], 0)]
)
def test_where_several_exit_codes_hold_one_decides(codes: list[int], decided: int) -> None:
    assert deciding_exit_code(codes) == decided


def test_a_report_is_written_whole() -> None:
    step = StepOutcome(key="k", title="t", state=StepState.DONE, changes=True)
    failed = Delivery(target="t", event="e", outcome=Outcome.FAILED)
    report = Report(
        command="deploy",
        record=a_record(),
        results=(of(Status.PASS),),
        proof=(of(Status.WARN),),
        steps=(step,),
        deliveries=(failed,),
        availability=Availability(requests=2, failures=1, longest_gap_seconds=0.25),
    )
    document = report.to_json()
    assert document["schema"] == 1
    assert document["status"] == "pass"
    assert document["exit_code"] == report.exit_code == 0
    assert document["steps"][0]["state"] == "done"
    assert document["availability"] == {"requests": 2, "failures": 1, "longest_gap_seconds": 0.25}
    assert Report(command="notify", reason="ok").to_json()["record"] is None
    job = JobSubject(service="shop", environment="production", revision="a" * 40)
    assert Report(command="notify", reason="ok", job=job).to_json()["record"]["revision"] == "a" * 40
    assert failed_deliveries(report.deliveries) == (failed,)


def test_errors_say_what_where_and_what_to_do() -> None:
    error = CiOpsError("it broke", reason="inconclusive", where="verify.url")
    assert str(error) == "verify.url: it broke"
    assert error.hint == REASONS["inconclusive"].advice
    assert error.exit_code == 3
    assert str(UsageError("no", hint="do")) == "no"
    assert UsageError("no").exit_code == 2
    assert Inconclusive("no").exit_code == 3
    assert LockHeld("no").exit_code == 7
    assert [Interrupted(2).exit_code, Interrupted(15).exit_code] == [130, 143]


def test_a_configuration_error_lists_every_problem() -> None:
    error = ConfigError(
        [
            Problem("is odd", path="verify.url", location="ci-ops.yml:3:5"),
            Problem("is missing", path="", location=""),
        ]
    )
    assert str(error) == "ci-ops.yml:3:5 verify.url: is odd\nis missing"
    assert error.exit_code == 2
