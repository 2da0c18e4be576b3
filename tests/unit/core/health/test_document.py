import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.health.document import (
    MAX_COMPONENTS,
    MAX_TEXT_LENGTH,
    Component,
    HealthDocument,
    parse_health,
)
from ci_ops.core.health.status import Status


def _read(value: Any) -> HealthDocument:
    return parse_health(json.dumps(value))


def _named(document: HealthDocument) -> dict[str, str]:
    return {one.name: one.status.value for one in document.components}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"ok", "pass"),
        (b"OK\n", "pass"),
        (b"\xef\xbb\xbfhealthy", "pass"),
        (b'"up"', "pass"),
        ("pass", "pass"),
        (b"degraded", "warn"),
        (b"warning", "warn"),
        (b"DOWN", "fail"),
        (b"error", "fail"),
        (b"unhealthy", "fail"),
    ],
)
def test_a_plain_word_is_a_health_answer(body: Any, status: str) -> None:
    document = parse_health(body)

    assert (document.status, document.is_shallow, document.problem) == (Status(status), True, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"pong",
        b"true",
        b'"true"',
        b"skip",
        b"12",
        b"null",
        b"{}",
        b"[]",
        b"\xff\xfe\x00",
        b"<html><body>ok</body></html>",
        b'{"status": null}',
        b'{"status": "pong"}',
        b'{"status": "skip"}',
        b'{"status": "ok"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
    ],
)
def test_an_answer_without_a_health_word_is_an_error_and_never_a_pass(body: Any) -> None:
    document = parse_health(body)

    assert document.status is Status.ERROR
    assert document.problem


def test_a_key_that_stands_twice_is_refused() -> None:
    document = parse_health('{"status": "fail", "status": "pass"}')

    assert document.status is Status.ERROR
    assert "'status'" in document.problem


def test_health_json_is_read_with_its_release_and_its_observations() -> None:
    document = _read(
        {
            "status": "warn",
            "version": "1",
            "releaseId": "1.2.2",
            "output": "slow",
            "ageSeconds": 1.5,
            "checks": {
                "cassandra:responseTime": [
                    {
                        "componentType": "datastore",
                        "observedValue": 250,
                        "observedUnit": "ms",
                        "status": "warn",
                        "affectedEndpoints": ["/users/{userId}"],
                        "time": "2018-01-17T03:36:48Z",
                        "output": "too slow",
                    },
                ],
                "cpu:utilization": [{"observedValue": 85, "observedUnit": "percent"}],
                "uptime": [{"status": "pass", "observedValue": "long", "time": "yesterday"}],
            },
        },
    )

    slow = document.components[0]
    assert (document.status, document.word, document.release_id, document.version) == (
        Status.WARN,
        "warn",
        "1.2.2",
        "1",
    )
    assert (document.output, document.age_seconds, document.is_shallow) == ("slow", 1.5, False)
    assert (slow.name, slow.observed_value, slow.observed_unit) == ("cassandra:responseTime", 250, "ms")
    assert slow.affected_endpoints == ("/users/{userId}",)
    assert slow.observed_at is not None
    assert slow.observed_at.year == 2018
    assert [one.name for one in document.components] == ["cassandra:responseTime", "uptime"]
    assert document.components[1].observed_at is None


@pytest.mark.parametrize(
    ("body", "status", "components"),
    [
        ({"database": "degraded", "status": "ok"}, "warn", {"database": "warn"}),
        ({"status": "healthy", "database": "connected"}, "pass", {"database": "pass"}),
        ({"status": "healthy", "database": "postgresql"}, "error", {"database": "error"}),
        ({"status": "healthy", "database": True, "debug": False}, "pass", {"database": "pass"}),
        ({"status": "ok", "redis": False}, "fail", {"redis": "fail"}),
        ({"status": "ok", "service": "up", "mode": "blue", "workers": 3}, "pass", {}),
        ({"status": "ok", "ledger": "unreachable"}, "fail", {"ledger": "fail"}),
        ({"Cache": "OK", "Mail": "OK", "version": "2"}, "pass", {"Cache": "pass", "Mail": "pass"}),
        ({"Cache": "OK", "Mail": "unavailable: refused"}, "error", {"Cache": "pass", "Mail": "error"}),
        ({"healthy": True}, "pass", {}),
        ({"ok": False, "status": "ok"}, "fail", {}),
        ({"status": True}, "pass", {}),
        ({"status": "ok", "db": {"status": "down"}}, "fail", {"db": "fail"}),
        ({"status": "ok", "limits": {"rate": "up"}}, "pass", {}),
    ],
)
def test_flat_documents_are_read_with_their_parts(body: Any, status: str, components: dict[str, str]) -> None:
    document = _read(body)

    assert document.status is Status(status)
    assert _named(document) == components


def test_actuator_documents_are_read_down_to_nested_parts_and_their_free_data_is_ignored() -> None:
    document = _read(
        {
            "status": "UP",
            "components": {
                "db": {"status": "UP", "details": {"database": "PostgreSQL", "validationQuery": "isValid()"}},
                "broker": {"components": {"a": {"status": "UP"}, "b": {"status": "OUT_OF_SERVICE"}}},
            },
        },
    )

    assert document.status is Status.FAIL
    assert _named(document) == {"db": "pass", "broker/a": "pass", "broker/b": "fail"}


def test_lists_of_named_checks_are_read() -> None:
    document = _read({"status": "UP", "checks": [{"name": "disk", "status": "DOWN"}, {"status": "UP"}, "ok"]})

    assert _named(document) == {"disk": "fail", "2": "pass", "3": "pass"}


def test_a_bare_list_of_checks_is_a_health_document() -> None:
    assert _read([{"id": "disk", "status": "up"}]).status is Status.PASS


def test_heartbeat_details_count_where_they_state_a_status() -> None:
    document = _read(
        {
            "status": "ok",
            "checks": {"redis_check": "ok"},
            "details": {"db_check": {"status": "error", "message": "refused"}, "region": "north", "up": "ok"},
        },
    )

    assert _named(document) == {"redis_check": "pass", "db_check": "fail", "up": "pass"}
    assert document.not_passing[0].output == "refused"


@pytest.mark.parametrize("statement", [None, 5, {"latency": 5}, [[1]], "pending", "unknown"])
def test_a_listed_check_without_a_health_word_is_an_error(statement: object) -> None:
    document = _read({"status": "ok", "checks": {"db": statement}})

    assert document.status is Status.ERROR
    assert document.problem == "no health word for: db"


def test_skipped_checks_neither_fail_nor_carry_a_pass() -> None:
    beside_a_word = _read({"status": "ok", "checks": {"mail": "skipped"}})
    alone = _read({"checks": {"mail": "skipped"}})

    assert beside_a_word.status is Status.PASS
    assert beside_a_word.not_passing == beside_a_word.components
    assert alone.status is Status.ERROR


def test_the_parts_that_do_not_pass_come_worst_first() -> None:
    document = _read({"checks": {"a": "warn", "b": "ok", "c": "fail", "d": "?"}})

    assert [one.name for one in document.not_passing] == ["c", "d", "a"]


def test_a_service_that_keeps_its_details_is_not_shallow_when_it_says_how_many_checks_ran() -> None:
    assert not _read({"status": "pass", "checked": 3}).is_shallow
    assert _read({"status": "pass", "checked": 0}).is_shallow


def test_a_statement_made_twice_is_told_once() -> None:
    assert len(_read({"checks": {"db": "ok"}, "components": {"db": "ok"}}).components) == 1


def test_a_document_with_too_many_parts_is_an_error() -> None:
    document = _read({"status": "ok", "checks": {f"c{index}": "ok" for index in range(MAX_COMPONENTS + 3)}})

    assert document.status is Status.ERROR
    assert document.components[-1].output == "3 components were not read"


def test_parts_nested_too_deeply_are_an_error() -> None:
    body: dict[str, Any] = {"status": "ok"}
    for _ in range(12):
        body = {"status": "ok", "checks": {"a": body}}

    document = _read(body)

    assert document.status is Status.ERROR
    assert document.components[-1].output == "nested too deeply to be read"


def test_hostile_text_is_cut_and_can_be_written_to_a_file() -> None:
    document = parse_health('{"status": "ok", "releaseId": "\\ud800' + "x" * 1000 + '", "ageSeconds": 1e999}')

    assert len(document.release_id.encode().decode()) == MAX_TEXT_LENGTH
    assert document.age_seconds is None


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from(["ok", "fail", "degraded", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "checks", "components", "details", "database", "a", "healthy"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_no_document_raises_and_a_bad_part_is_never_outvoted(value: Any) -> None:
    document = _read(value)

    assert all(isinstance(one, Component) for one in document.components)
    if document.status is Status.PASS:
        assert all(one.status in {Status.PASS, Status.SKIP} for one in document.components)


@given(st.binary(max_size=60))
def test_no_bytes_raise(body: Any) -> None:
    assert parse_health(body).status in set(Status) - {Status.SKIP}
