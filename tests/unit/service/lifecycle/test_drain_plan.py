import pytest

from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.drain_plan import DrainPlan
from ci_ops.service.lifecycle.startup import StartupFailedError


@pytest.mark.parametrize(
    ("plan", "env", "was_probed", "seconds"),
    [
        (DrainPlan(drain_seconds=3), {"CI_OPS_DRAIN_SECONDS": "7"}, True, 3),
        (DrainPlan(), {"CI_OPS_DRAIN_SECONDS": "7.5", "RENDER": "true"}, False, 7.5),
        (DrainPlan(), {"RENDER": "true"}, False, 10),
        (DrainPlan(), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False, 10),
        (DrainPlan(), {}, True, 10),
        (DrainPlan(), {}, False, 0),
    ],
)
def test_where_nobody_routes_traffic_nobody_waits(
    monkeypatch: pytest.MonkeyPatch, plan: DrainPlan, env: dict[str, str], was_probed: bool, seconds: float
) -> None:
    for name in ("CI_OPS_DRAIN_SECONDS", "RENDER", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert plan.serve_on_seconds(was_probed=was_probed) == seconds


@pytest.mark.parametrize("stated", ["soon", "10s", "nan", "inf", "-1", "1e9"])
def test_a_drain_time_that_is_no_time_stops_the_start_instead_of_the_drain(
    life: ApplicationLifecycle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stated: str
) -> None:
    monkeypatch.setenv("CI_OPS_DRAIN_SECONDS", stated)
    life.plan = DrainPlan()

    with pytest.raises(StartupFailedError, match="drain-plan"):
        life.start()

    assert caplog.messages == [
        "drain-plan failed: CI_OPS_DRAIN_SECONDS is not a number of seconds from 0 to a day"
    ]
    assert life.plan.serve_on_seconds(was_probed=True) == 10


@pytest.mark.parametrize("name", ["drain_seconds", "drain_timeout_seconds", "grace_seconds"])
@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_a_plan_holds_times(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is a number of seconds"):
        DrainPlan(**{name: seconds})


@pytest.mark.parametrize(
    ("plan", "server", "shortage"),
    [
        (DrainPlan(), None, ""),
        (DrainPlan(), 30, ""),
        (DrainPlan(), 20, "stopping may take 25 s, but the process is killed after 20 s"),
        (
            DrainPlan(drain_seconds=20, grace_seconds=30),
            60,
            "stopping may take 35 s, but the process is killed after 30 s",
        ),
        (DrainPlan(drain_seconds=60, drain_timeout_seconds=60, grace_seconds=300), None, ""),
    ],
)
def test_the_plan_must_fit_into_the_grace_time(plan: DrainPlan, server: float | None, shortage: str) -> None:
    assert plan.shortage(server) == shortage
