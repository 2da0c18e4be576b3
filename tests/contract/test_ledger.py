"""What every ledger promises, held against each of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.ledger import LEDGER_FILE, JsonLinesLedger, Ledger, LedgerError
from ci_ops.core.delivery.record import DeploymentRecord, State, new_id
from ci_ops.core.errors import UsageError
from ci_ops.edge.store import LocalStore
from tests.support.github_client import client_of
from tests.support.github_double import GitHubDouble
from tests.support.verified import newest_verified

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2026, 11, 22, 8, tzinfo=UTC)


def a_deployment(number: int, **more: object) -> DeploymentRecord:
    """The number-th deployment of a shop; its commit begins with its number."""
    revision = f"{number:07x}".ljust(40, "a")
    values: dict[str, object] = {
        "id": new_id(START + timedelta(minutes=number), revision),
        "service": "shop",
        "environment": "production",
        "revision": revision,
        "previous": "",
        "actor": "octocat",
        "version": "1.0",
        "run_url": f"https://github.com/org/app/actions/runs/{number}",
        "url": "https://shop.example.com/health",
        "started_at": START + timedelta(minutes=number),
        "state": State.RUNNING,
    }
    return DeploymentRecord(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture(params=["lines", "github"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Each ledger, empty."""
    if request.param == "lines":
        yield JsonLinesLedger(LocalStore(tmp_path))
        return
    with GitHubDouble() as double, client_of(double) as github:
        yield github


def end(ledger: Ledger, record: DeploymentRecord, state: State, **more: str) -> DeploymentRecord:
    """Open a deployment and bring it to an end."""
    opened = ledger.open(record)
    return ledger.update(opened.with_state(state, at=START + timedelta(hours=1), **more))


def test_an_empty_ledger_knows_nothing(ledger: Ledger) -> None:
    assert ledger.history("production") == ()
    assert newest_verified(ledger) is None
    assert ledger.find("production", "0000001") is None


def test_what_was_opened_can_be_read_back(ledger: Ledger) -> None:
    record = a_deployment(1, kind="rollback", previous="20261121T080000Z-1111111", reason="as planned")
    opened = ledger.open(record)
    (read,) = ledger.history("production")
    assert read == opened == record
    assert read.external_id == opened.external_id


def test_opening_twice_changes_nothing(ledger: Ledger) -> None:
    opened = end(ledger, a_deployment(1), State.VERIFIED)
    again = ledger.open(a_deployment(1))
    assert again.external_id == opened.external_id
    assert [each.state for each in ledger.history("production")] == [State.VERIFIED]


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_read_back_as_it_was_written(ledger: Ledger, state: State) -> None:
    why = "" if state in {State.VERIFIED, State.PLANNED, State.RUNNING} else "health answered 503"
    record = ledger.open(a_deployment(1))
    ledger.update(replace(record, state=state, error=why))
    (read,) = ledger.history("production")
    assert (read.state, read.error) == (state, why)


def test_the_last_state_holds_whatever_came_before(ledger: Ledger) -> None:
    record = ledger.open(a_deployment(1))
    for state in (State.UNVERIFIED, State.VERIFIED, State.ROLLED_BACK):
        ledger.update(record.with_state(state))
    assert newest_verified(ledger) is None
    assert ledger.history("production")[0].state is State.ROLLED_BACK


def test_a_state_can_be_written_by_somebody_who_only_knows_the_id(ledger: Ledger) -> None:
    opened = ledger.open(a_deployment(1))
    written = ledger.update(replace(a_deployment(1), state=State.VERIFIED))
    assert written.external_id == opened.external_id
    read = ledger.history("production")[0]
    assert newest_verified(ledger) == replace(
        written, finished_at=read.finished_at, verified_at=read.verified_at
    )


def test_a_deployment_that_was_never_opened_cannot_be_updated(ledger: Ledger) -> None:
    with pytest.raises(LedgerError) as caught:
        ledger.update(a_deployment(1))
    assert caught.value.kind == "missing"
    assert caught.value.kind == "missing"
    assert caught.value.exit_code == 3


def test_history_is_newest_first_and_as_long_as_asked_for(ledger: Ledger) -> None:
    for number in range(1, 6):
        ledger.open(a_deployment(number))
    assert [each.id for each in ledger.history("production", 3)] == [a_deployment(n).id for n in (5, 4, 3)]
    assert len(ledger.history("production")) == 5


def test_environments_do_not_see_each_other(ledger: Ledger) -> None:
    end(ledger, a_deployment(1, environment="staging"), State.VERIFIED)
    ledger.open(a_deployment(2))
    assert newest_verified(ledger) is None
    assert [each.environment for each in ledger.history("staging")] == ["staging"]


@pytest.mark.parametrize("state", [state for state in State if state is not State.VERIFIED])
def test_only_a_verified_deployment_is_one_to_go_back_to(ledger: Ledger, state: State) -> None:
    end(ledger, a_deployment(1), State.VERIFIED)
    end(ledger, a_deployment(2), State.VERIFIED)
    end(ledger, a_deployment(3), state)
    last = newest_verified(ledger)
    assert last is not None
    assert last.id == a_deployment(2).id


def test_records_that_the_caller_rules_out_are_passed_over(ledger: Ledger) -> None:
    for number in (1, 2, 3):
        end(ledger, a_deployment(number), State.VERIFIED)
    excluded = {a_deployment(3).id, a_deployment(2).id}
    last = newest_verified(ledger, lambda record: record.id not in excluded)
    assert last is not None
    assert last.id == a_deployment(1).id


def test_a_deployment_is_found_by_its_id_its_commit_and_the_commits_beginning(ledger: Ledger) -> None:
    record = a_deployment(1)
    opened = ledger.open(record)
    ledger.open(a_deployment(2))
    names = [record.id, record.revision, record.revision[:7], record.revision.upper(), f" {record.id}\n"]
    if opened.external_id:
        names.append(opened.external_id)
    assert [getattr(ledger.find("production", name), "id", None) for name in names] == [record.id] * len(
        names
    )


@pytest.mark.parametrize("name", ["", "  ", "000000", "fffffff", "20260101T000000Z-0000000", "../..", "main"])
def test_a_name_that_means_nothing_finds_nothing(ledger: Ledger, name: str) -> None:
    ledger.open(a_deployment(1))
    assert ledger.find("production", name) is None


def test_of_several_deployments_of_a_commit_the_newest_verified_one_is_meant(ledger: Ledger) -> None:
    revision = "f" * 40
    for number, state in enumerate((State.VERIFIED, State.VERIFIED, State.FAILED), start=1):
        end(ledger, a_deployment(number, revision=revision), state)
    found = ledger.find("production", "fffffff")
    assert found is not None
    assert found.id == a_deployment(2, revision=revision).id


def test_a_commit_that_was_only_ever_unverified_is_found_when_named(ledger: Ledger) -> None:
    ledger.open(a_deployment(1))
    newest = ledger.open(replace(a_deployment(2), revision=a_deployment(1).revision))
    found = ledger.find("production", a_deployment(1).revision)
    assert found is not None
    assert found.id == newest.id


def test_a_beginning_that_several_commits_share_is_refused(ledger: Ledger) -> None:
    for number, last in ((1, "a"), (2, "b")):
        ledger.open(a_deployment(number, revision="abcdef0" + last * 33))
    with pytest.raises(UsageError, match="the beginning of 2 deployed commits"):
        ledger.find("production", "abcdef0")


def test_states_that_nobody_asked_for_are_not_read(tmp_path: Path) -> None:
    with GitHubDouble() as double, client_of(double) as github:
        for number in range(1, 6):
            end(github, a_deployment(number), State.VERIFIED)
        double.requests.clear()
        assert next(github.records("production")).id == a_deployment(5).id
        assert newest_verified(github, lambda record: record.id != a_deployment(5).id) is not None
        assert [each.path.rpartition("/")[2] for each in double.requests] == ["deployments", "statuses"] * 2


def test_lines_that_a_crash_has_torn_are_passed_over(tmp_path: Path) -> None:
    ledger = JsonLinesLedger(LocalStore(tmp_path))
    end(ledger, a_deployment(1), State.VERIFIED)
    with (tmp_path / LEDGER_FILE).open("a") as file:
        file.write(
            '{"schema": 1, "id": "half\n[]\n{"schema": 1}\n{"schema": "one"}\n{"schema": 1, "id": "torn'
        )
    end(ledger, a_deployment(2), State.FAILED)
    assert [each.id for each in ledger.history("production")] == [a_deployment(2).id, a_deployment(1).id]


def test_the_same_state_twice_is_one_line(tmp_path: Path) -> None:
    ledger = JsonLinesLedger(LocalStore(tmp_path))
    record = ledger.open(a_deployment(1))
    ledger.update(replace(record, state=State.VERIFIED))
    ledger.update(replace(record, state=State.VERIFIED))
    ledger.update(replace(record, state=State.VERIFIED, external_id="77"))
    assert len((tmp_path / LEDGER_FILE).read_text().splitlines()) == 3
    assert ledger.history("production")[0].external_id == "77"


def test_a_ledger_of_a_newer_version_is_not_half_understood(tmp_path: Path) -> None:
    (tmp_path / LEDGER_FILE).write_text(json.dumps({**a_deployment(1).to_json(), "schema": 2}) + "\n")
    with pytest.raises(LedgerError, match="newer version") as caught:
        JsonLinesLedger(LocalStore(tmp_path)).history("production")
    assert caught.value.kind == "newer"
