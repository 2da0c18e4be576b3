from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from sqlalchemy.dialects import registry

from ci_ops.checks._database.session import is_local
from ci_ops.checks._http.expect import Latency
from ci_ops.checks.database import Database
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from tests.support.certificates import authority, context_of
from tests.support.checking import a_subject, a_world, assert_refusals_say_nothing, rules_of, the_result
from tests.support.databases import running_postgres
from tests.support.postgres_tls import postgres_over_tls
from tests.support.reports import NOW
from tests.support.sample_service import Answer, SampleService, said, sample_service, text
from tests.support.web import ignoring, refusing

EXAMPLE = Database(component="primary", dsn=Secret("postgresql://shop:hunter2@127.0.0.1:1/shop"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


def look(service: SampleService, root: Path = Path("/nonexistent"), **settings: Any) -> Result:
    subject = a_subject(root, url=service.url("/health"), timeout_seconds=5.0)
    return the_result(Database(**settings), subject, a_world())


def direct(dsn: str, root: Path = Path("/nonexistent"), *, seconds: float = 20.0, **settings: Any) -> Result:
    subject = a_subject(root, url="http://127.0.0.1:1/", timeout_seconds=seconds)
    return the_result(Database(health=False, dsn=Secret(dsn), **settings), subject, a_world())


def document(status: str = "pass", name: str = "database", **entry: Any) -> Answer:
    return said(
        {"status": status, "checks": {name: [{"status": status, **entry}]}}, 503 if status == "fail" else 200
    )


@pytest.mark.parametrize(
    "answer",
    [
        document(),
        document(name="postgres:responseTime", observedValue=3, observedUnit="ms"),
        document(name="primary", componentType="datastore", time=NOW.isoformat()),
        said({"status": "UP", "components": {"db": {"status": "UP", "details": {"database": "PostgreSQL"}}}}),
        said({"status": "ok", "database": "connected"}),
        said({"status": "Healthy", "entries": {"sqlserver": {"status": "Healthy"}}}),
    ],
)
def test_a_component_that_is_a_database_and_passes_is_a_pass(service: SampleService, answer: Answer) -> None:
    service.says("/health", answer)
    result = look(service)
    assert (result.status, rules_of(result), result.measured) == (Status.PASS, [], 1)
    assert list(result.facts["components"].values()) == ["pass"]


@pytest.mark.parametrize(
    "answer",
    [
        said({"status": "pass"}),
        said({"status": "pass", "checked": 1}),
        text("ok"),
        said({"status": "pass", "checks": {"redis": [{"status": "pass", "componentType": "datastore"}]}}),
        said(
            {"status": "pass", "checks": {"migrations": [{"status": "pass", "componentType": "datastore"}]}}
        ),
        said({"status": "pass", "checks": {"disk": {"status": "pass"}, "dashboard": {"status": "pass"}}}),
    ],
)
@pytest.mark.reports("database/no-component")
def test_a_document_that_names_no_database_is_a_warning(service: SampleService, answer: Answer) -> None:
    service.says("/health", answer)
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.WARN, ["no-component"])
    named = look(service, component="primary")
    assert (named.status, rules_of(named), named.transient) == (Status.ERROR, ["no-component"], True)


@pytest.mark.parametrize(
    ("answer", "status", "rules"),
    [
        (document("fail", output="connection refused"), Status.FAIL, ["down"]),
        (document("warn"), Status.WARN, ["degraded"]),
        (
            said({"status": "pass", "checks": {"database": {"status": "purple"}}}),
            Status.ERROR,
            ["unknown-word"],
        ),
        (
            said({"status": "pass", "checks": {"database": {"status": "skipped"}}}),
            Status.ERROR,
            ["not-measured"],
        ),
        (said({"status": "pass", "database": False}), Status.FAIL, ["down"]),
        (document(time=(NOW - timedelta(minutes=9)).isoformat()), Status.FAIL, ["aged"]),
        (Answer(body=document().body, headers={"Age": "9"}), Status.FAIL, ["aged"]),
        (text("boom", 500), Status.FAIL, ["status"]),
        (text("<html><body>Shop</body></html>"), Status.ERROR, ["no-document"]),
        (Answer(), Status.ERROR, ["no-document"]),
        (text("", 503, **{"x-sucuri-block": "1"}), Status.ERROR, ["gate"]),
    ],
)
@pytest.mark.reports("database/{rules}")
def test_what_the_service_says_or_does_not_say_yields_exactly_one_rule(
    service: SampleService, answer: Answer, status: Status, rules: list[str]
) -> None:
    service.says("/health", answer)
    result = look(service)
    assert (result.status, rules_of(result)) == (status, rules)


def test_a_database_that_is_down_is_named_with_its_output(service: SampleService) -> None:
    service.says("/health", document("fail", name="db", output="connection refused"))
    result = look(service)
    assert result.sentence == "The service says fail of its database db."
    assert result.findings[0].observed == "fail: connection refused"


@pytest.mark.parametrize("component", ["$.parts.db", "$.parts.store", "$.flag"])
def test_a_component_can_be_named_by_its_place(service: SampleService, component: str) -> None:
    service.says(
        "/health", said({"status": "ok", "parts": {"db": {"state": "down"}, "store": "down"}, "flag": False})
    )
    assert rules_of(look(service, component=component)) == ["down"]
    service.says(
        "/health", said({"status": "ok", "parts": {"db": {"state": "up"}, "store": "up"}, "flag": True})
    )
    assert look(service, component=component).status is Status.PASS
    assert rules_of(look(service, component="$.nowhere")) == ["no-component"]


@pytest.mark.reports("database/slow")
def test_the_latency_of_the_component_has_limits(service: SampleService) -> None:
    service.says("/health", document(observedValue=120, observedUnit="ms"))
    assert look(service).status is Status.PASS
    assert look(service, latency=Latency(warn=0.1, fail=1.0)).status is Status.WARN
    result = look(service, latency=Latency(warn=0.05, fail=0.1))
    assert (result.status, rules_of(result), result.findings[0].observed) == (Status.FAIL, ["slow"], "120 ms")


@pytest.mark.reports("database/not-found", "database/unreachable")
def test_a_dead_service_and_one_without_a_health_address_were_not_measured(service: SampleService) -> None:
    subject = a_subject(url=service.url(), timeout_seconds=5.0)
    result = the_result(Database(), subject, a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-found"], 0)
    with sample_service() as dead:
        pass
    result = look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)


def test_a_session_of_ours_reads_and_changes_nothing(postgres: str) -> None:
    result = direct(postgres)
    assert (result.status, rules_of(result), result.measured) == (Status.PASS, [], 1)
    found = result.facts["direct"]
    assert (found["kind"], found["read_only"], found["takes_writes"], found["encrypted"]) == (
        "postgresql",
        True,
        True,
        False,
    )
    assert found["version"].partition(".")[0].isdecimal()
    assert 0 < found["seconds"]["connect"] <= found["seconds"]["first_row"]
    assert result.sentence.startswith("PostgreSQL ")


@pytest.mark.reports("database/no-session")
def test_the_service_and_the_session_are_both_told(service: SampleService, postgres: str) -> None:
    service.says("/health", document("fail"))
    result = look(service, dsn=Secret(postgres))
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["down"], 2)
    service.says("/health", document())
    with refusing() as port:
        result = look(service, dsn=Secret(f"postgresql://shop:hunter2-hunter2@127.0.0.1:{port}/shop"))
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["no-session"], 1)
    assert "hunter2" not in str(result.to_json())


@pytest.mark.reports("database/version", "database/unencrypted")
def test_old_servers_slow_answers_and_open_connections_are_found(postgres: str) -> None:
    assert rules_of(direct(postgres, min_version="99")) == ["version"]
    assert rules_of(direct(postgres, min_version="9.6")) == []
    assert rules_of(direct(postgres, latency=Latency(fail=1e-9))) == ["slow"]
    assert rules_of(direct(postgres, encrypted="always")) == ["unencrypted"]


def test_tls_is_seen_on_the_wire(postgres: str) -> None:
    folder = parse_qs(urlsplit(postgres).query)["host"][0]
    socket_path = f"{folder}/.s.PGSQL.5432"
    tls = context_of(authority().issue("127.0.0.1"))
    for context, rules in ((tls, []), (None, ["unencrypted"])):
        with postgres_over_tls(socket_path, context) as port:
            mode = "require" if context else "prefer"
            result = direct(
                f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres?sslmode={mode}", encrypted="always"
            )
        assert (rules_of(result), result.facts["direct"]["encrypted"]) == (rules, context is not None)


@pytest.mark.reports("database/takes-no-writes")
def test_a_server_that_takes_no_writes_is_found(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
    dsn = (
        postgres.replace("postgres:", "reader:", 1)
        .replace("//postgres@", "//reader@")
        .replace("//postgres:", "//reader:")
    )
    result = direct(dsn)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["takes-no-writes"])
    assert direct(dsn, writable=False).status is Status.PASS


@pytest.mark.parametrize(
    ("dsn", "status", "rule"),
    [
        ("nonsense", Status.ERROR, "not-asked"),
        ("postgresql://shop@127.0.0.1:nonsense/shop", Status.ERROR, "not-asked"),
        ("postgresql://shop@shop.invalid/shop", Status.ERROR, "not-asked"),
        ("sqlite://", Status.ERROR, "not-asked"),
        ("sqlite:///missing.db", Status.ERROR, "not-asked"),
        ("mysql+nonsense://shop@127.0.0.1/shop", Status.ERROR, "not-asked"),
        ("mysql://shop@127.0.0.1/shop", Status.ERROR, "driver"),
        ("oracle+oracledb://shop@127.0.0.1/shop", Status.ERROR, "driver"),
    ],
)
@pytest.mark.reports("database/{rule}")
def test_an_address_that_cannot_be_asked_is_an_error(
    tmp_path: Path, dsn: str, status: Status, rule: str
) -> None:
    result = direct(dsn, tmp_path)
    assert (result.status, rules_of(result), result.measured) == (status, [rule], 0)


def test_a_login_that_is_refused_is_an_error_and_not_asked_again(postgres: str) -> None:
    result = direct(postgres.replace("/postgres?", "/nowhere?"))
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["not-asked"], False)
    assert "nowhere" in result.findings[0].observed


def test_a_server_that_never_answers_ends_at_the_limit() -> None:
    with ignoring() as port:
        result = direct(f"postgresql://shop@127.0.0.1:{port}/shop", seconds=0.3)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["no-session"], True)
    assert result.findings[0].observed == "no answer within 0.3 seconds"


def test_sqlite_is_read_below_the_root_and_not_written(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (id)")
    connection.close()
    for dsn in ("sqlite:///shop.db", f"sqlite+aiosqlite:///{tmp_path}/shop.db"):
        result = direct(dsn, tmp_path)
        assert (result.status, result.facts["direct"]["read_only"]) == (Status.PASS, True)
    (tmp_path / "other.db").write_bytes(b"no database " * 100)
    result = direct("sqlite:///other.db", tmp_path)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["no-session"])


def test_the_driver_is_installed_only_where_the_address_needs_one() -> None:
    groups = {
        dsn: Database(dsn=Secret(dsn)).groups
        for dsn in ("", "postgres://h/d", "sqlite:///x.db", "mysql://h/d")
    }
    assert groups == {
        "": frozenset(),
        "postgres://h/d": {"postgres"},
        "sqlite:///x.db": frozenset(),
        "mysql://h/d": {"sqlalchemy"},
    }


def test_neither_document_nor_address_is_an_error(service: SampleService) -> None:
    result = look(service, health=False)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)
    assert service.asked == []


def test_a_version_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^min-version: "):
        Database(min_version="new")


@pytest.mark.reports("database/throttled", "database/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(Database(), service)


@pytest.mark.reports("database/url")
def test_without_an_address_nothing_was_measured() -> None:
    result = the_result(Database(), a_subject(url=""), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["url"], 0)


def test_any_other_database_is_asked_through_sqlalchemy(tmp_path: Path) -> None:
    """Under another name, SQLite stands for a database that only SQLAlchemy knows."""
    registry.register("shopdb", "sqlalchemy.dialects.sqlite.pysqlite", "SQLiteDialect_pysqlite")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE orders (id)")
    result = direct(f"shopdb:///{tmp_path}/shop.db", tmp_path)
    found = result.facts["direct"]
    assert (result.status, found["read_only"], found["takes_writes"]) == (Status.PASS, None, None)
    assert found["version"].partition(".")[0] == "3"
    assert 0 < found["seconds"]["connect"] <= found["seconds"]["first_row"]
    broken = direct(f"shopdb:///{tmp_path}/nowhere/shop.db", tmp_path)
    assert (broken.status, rules_of(broken)) == (Status.FAIL, ["no-session"])
    assert broken.findings[0].observed == "unable to open database file"


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("sqlite:///shop.db", True),
        ("postgresql:///shop", True),
        ("postgresql://shop@localhost/shop", True),
        ("postgresql://shop@127.0.0.1:5433/shop?hostaddr=127.0.0.1", True),
        ("postgresql:///shop?host=/run/postgresql", True),
        ("postgresql:///shop?host=db.example.com", False),
        ("postgresql:///shop?host=/run/postgresql,db.example.com", False),
        ("postgresql://localhost:5432,db.example.com:5432/shop", False),
        ("postgresql://localhost/shop?hostaddr=192.0.2.1", False),
        ("postgresql://db.example.com/shop", False),
        ("postgresql://[::1/shop", False),
    ],
)
def test_a_database_on_this_machine_needs_no_tls(dsn: str, expected: bool) -> None:
    assert is_local(dsn) is expected
