"""Two ledgers as one: lines beside the target, and GitHub's deployments on a local double."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ci_ops.core.delivery.ledger import JsonLinesLedger, LedgerError
from ci_ops.core.delivery.ledger_pair import LedgerPair
from ci_ops.core.delivery.record import DeploymentRecord, State, new_id
from ci_ops.edge.github import GitHub
from ci_ops.edge.store import LocalStore
from tests.support.github_client import RECORD, START, client_of
from tests.support.github_double import GitHubDouble


@dataclass(kw_only=True)
class Both:
    """The two ledgers, the server behind one of them, and what was said meanwhile."""

    local: JsonLinesLedger
    remote: GitHub
    double: GitHubDouble
    notes: list[str] = field(default_factory=list)

    def pair(self, *, local_lasts: bool = False) -> LedgerPair:
        """The pair, as one process holds it."""
        return LedgerPair(
            self.local, self.remote, remote_name="GitHub", local_lasts=local_lasts, note=self.notes.append
        )


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    with GitHubDouble() as double, client_of(double) as remote:
        yield Both(local=JsonLinesLedger(LocalStore(tmp_path)), remote=remote, double=double)


def numbered(number: int) -> DeploymentRecord:
    """The number-th deployment; its commit begins with its number."""
    at = START + timedelta(minutes=number)
    revision = f"{number:07x}".ljust(40, "a")
    return replace(RECORD, id=new_id(at, revision), revision=revision, started_at=at)


def test_a_deployment_is_opened_and_updated_in_both(both: Both) -> None:
    pair = both.pair()
    opened = pair.open(RECORD)
    assert opened.external_id != ""
    pair.update(replace(opened, state=State.VERIFIED))
    for ledger in (both.local, both.remote):
        (read,) = ledger.history("production")
        assert (read.id, read.state, read.external_id) == (RECORD.id, State.VERIFIED, opened.external_id)
    assert both.notes == []


def test_an_update_by_our_id_alone_reaches_github_and_learns_its_id(both: Both) -> None:
    opened = both.pair().open(RECORD)
    written = both.pair().update(replace(RECORD, state=State.VERIFIED))
    assert written.external_id == opened.external_id
    assert both.remote.history("production")[0].state is State.VERIFIED
    assert both.local.history("production")[0].external_id == opened.external_id


def test_a_deployment_that_github_never_saw_is_updated_beside_the_target_with_a_note(both: Both) -> None:
    both.local.open(RECORD)
    both.pair().update(replace(RECORD, state=State.VERIFIED))
    assert both.local.history("production")[0].state is State.VERIFIED
    (note,) = both.notes
    assert note.startswith(
        f"{RECORD.id} could not be recorded as verified in GitHub: GitHub has no deployment"
    )


def test_a_deployment_known_to_github_alone_is_written_down_beside_the_target_too(both: Both) -> None:
    opened = both.remote.open(RECORD)
    both.pair().update(replace(opened, state=State.FAILED))
    assert [record.state for record in both.local.history("production")] == [State.FAILED]


def test_a_missing_permission_leaves_github_out_with_one_note(both: Both) -> None:
    both.double.fail(403, method="POST", times=9)
    pair = both.pair()
    opened = pair.open(RECORD)
    assert opened.external_id == ""
    pair.update(replace(opened, state=State.VERIFIED))
    pair.open(numbered(1))
    assert [record.state for record in pair.records("production")] == [State.RUNNING, State.VERIFIED]
    (note,) = both.notes
    assert note.startswith("GitHub's deployments are left out: ")
    assert "deployments: write" in note


def test_github_out_of_order_stops_a_deployment_before_it_begins(both: Both) -> None:
    both.double.fail(401, times=9)
    with pytest.raises(LedgerError):
        both.pair().open(RECORD)
    assert both.local.history("production") == ()


def test_github_out_of_order_stops_no_deployment_that_has_begun(both: Both) -> None:
    pair = both.pair()
    opened = pair.open(RECORD)
    both.double.fail(401, times=9)
    assert pair.update(replace(opened, state=State.VERIFIED)).external_id == opened.external_id
    assert both.local.history("production")[0].state is State.VERIFIED
    (note,) = both.notes
    assert note.startswith(f"{RECORD.id} could not be recorded as verified in GitHub: ")


def test_records_come_from_the_ledger_that_outlives_the_runner(both: Both) -> None:
    both.local.open(numbered(1))
    both.remote.open(numbered(2))
    assert [each.id for each in both.pair(local_lasts=True).records("production")] == [numbered(1).id]
    assert [each.id for each in both.pair().records("production")] == [numbered(2).id]


def test_no_record_comes_twice_when_github_stops_answering_half_way(both: Both) -> None:
    pair = both.pair()
    for number in (1, 2, 3):
        pair.open(numbered(number))
    both.double.fail(path="/statuses")  # one ordinary answer, then
    both.double.fail(403, path="/statuses", times=9)
    ids = [record.id for record in pair.records("production")]
    assert ids == [numbered(number).id for number in (3, 2, 1)]
    assert len(both.notes) == 1


def test_a_broken_reading_is_not_taken_for_a_short_history(both: Both) -> None:
    pair = both.pair()
    pair.open(RECORD)
    both.double.fail(401, path="/statuses", times=9)
    with pytest.raises(LedgerError):
        pair.history("production")


def test_what_a_finished_run_left_open_is_closed_on_github(both: Both) -> None:
    run_url = "https://github.com/org/app/actions/runs/42"
    both.pair().open(replace(RECORD, run_url=run_url, state=State.RUNNING))
    both.double.runs = {42: "completed"}
    (closed,) = both.pair().close_stale("production")
    assert (closed.id, closed.state) == (RECORD.id, State.INTERRUPTED)


@pytest.mark.parametrize("status", [403, 404])
def test_runs_that_cannot_be_seen_are_left_to_themselves_with_a_note(both: Both, status: int) -> None:
    pair = both.pair()
    both.double.fail(status, times=99)
    assert pair.close_stale("production") == ()
    (note,) = both.notes
    assert note.startswith("Deployments that earlier runs left open on GitHub stay open: could not read")


def test_a_token_that_may_not_see_runs_is_said_with_the_permission_that_it_lacks(both: Both) -> None:
    run_url = "https://github.com/org/app/actions/runs/42"
    both.pair().open(replace(RECORD, run_url=run_url, state=State.RUNNING))
    both.double.permissions["actions"] = ""
    assert both.pair().close_stale("production") == ()
    (note,) = both.notes
    assert "Add `actions: read` to the job's `permissions:`" in note


def test_a_ledger_that_was_left_out_closes_nothing(both: Both) -> None:
    pair = both.pair()
    both.double.fail(403, times=99)
    pair.open(RECORD)
    assert pair.close_stale("production") == ()
    assert both.local.close_stale("production") == ()


def test_where_the_local_ledger_lasts_github_may_refuse_and_learns_of_it_later(both: Both) -> None:
    pair = both.pair(local_lasts=True)
    both.double.fail(401, path="/deployments")
    opened = pair.open(RECORD)
    assert opened.external_id == ""
    assert [each.id for each in pair.records("production")] == [RECORD.id]
    pair.update(replace(opened, state=State.VERIFIED))
    assert [each.state for each in both.remote.history("production")] == [State.VERIFIED]
    (note,) = both.notes
    assert note.startswith(f"{RECORD.id} could not be recorded in GitHub:")


def test_a_status_that_github_lost_is_known_from_here(both: Both) -> None:
    pair = both.pair()
    opened = pair.open(RECORD)
    both.local.update(replace(opened, state=State.VERIFIED))
    (read,) = pair.records("production")
    assert (read.state, read.external_id) == (State.VERIFIED, opened.external_id)


@pytest.mark.parametrize("local_lasts", [True, False])
def test_a_deployment_whose_first_status_is_refused_is_opened_all_the_same(
    both: Both, *, local_lasts: bool
) -> None:
    both.double.fail(401, path="/statuses", method="POST")
    opened = both.pair(local_lasts=local_lasts).open(RECORD)
    assert opened.external_id != ""
    assert [each.id for each in both.local.history("production")] == [RECORD.id]
    (note,) = both.notes
    assert note.startswith(f"{RECORD.id} could not be recorded as running in GitHub:")
