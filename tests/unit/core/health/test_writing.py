from datetime import UTC, datetime, timedelta, timezone

from ci_ops.core.health.document import Component, parse_health
from ci_ops.core.health.status import Status
from ci_ops.core.health.writing import build_health, encode_health, rfc3339


def test_what_is_written_is_read_back_the_same() -> None:
    moment = datetime(2027, 1, 31, 8, tzinfo=UTC)
    slow = Component(
        name="database:responseTime",
        status=Status.WARN,
        output="slow",
        component_type="datastore",
        observed_value=250.5,
        observed_unit="ms",
        observed_at=moment,
        affected_endpoints=("/orders",),
    )
    disk = Component(name="disk", status=Status.PASS, output="left out for pass")

    body = encode_health(
        build_health(
            [slow, disk], age_seconds=0.12345, members={"releaseId": "abc", "version": "1", "notes": ""}
        ),
    )
    document = parse_health(body)

    assert (document.status, document.release_id, document.age_seconds) == (Status.WARN, "abc", 0.123)
    assert document.components[0].output == "slow"
    assert document.components[0].observed_at == moment
    assert document.components[0].affected_endpoints == ("/orders",)
    assert document.components[1].output == ""
    assert body.endswith(b"\n")
    assert b"notes" not in body


def test_the_status_can_be_stated_apart_from_the_components() -> None:
    assert build_health([Component(name="mail", status=Status.FAIL)], status=Status.WARN)["status"] == "warn"


def test_a_document_without_components_is_a_pass_and_names_no_checks() -> None:
    assert build_health([]) == {"status": "pass"}


def test_one_name_may_carry_several_observations() -> None:
    document = build_health(
        [Component(name="disk", status=Status.PASS), Component(name="disk", status=Status.ERROR)]
    )

    assert [one["status"] for one in document["checks"]["disk"]] == ["pass", "fail"]
    assert document["status"] == "fail"


def test_moments_are_written_in_utc() -> None:
    assert (
        rfc3339(datetime(2027, 1, 31, 9, tzinfo=timezone(timedelta(hours=1)))) == "2027-01-31T08:00:00.000Z"
    )
