"""A cancelled action stops where it is, and the next step restores a whole release."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.caller import RELEASES
from tests.support.job import tree
from tests.support.receiver import SILENCE, Answer, receiving
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.actions.conftest import Shop
    from tests.support.job import Job
    from tests.support.mini_runner import Result

DEPLOY_LINES = 17
"""Of the journal of a whole deployment into releases, with `build` and without `reload`."""
UNDO_LINES = 7
"""That taking such a deployment back adds."""


class Held:
    """Cancels a job where its command is about to write one line of the journal."""

    def __init__(self, job: Job, python: Path, line: int) -> None:
        self._mark = job.home / f"held-at-{line}"
        self._job = job
        self._python = str(python)
        self._line = line
        self.target: dict[str, str] = {}
        """The target when the signal came."""

    def now(self, _lines: list[str]) -> bool:
        if not self.target and self._mark.exists():
            self.target = tree(self._job.service.folder)
            return True
        return False

    def run(self, name: str, **inputs: str) -> Result:
        environ = self._job.runner.environ
        environ |= {"GATE_LINE": str(self._line), "GATE_MARK": str(self._mark)}
        try:
            return self._job.run(name, self.now, python=self._python, **inputs)
        finally:
            del environ["GATE_LINE"], environ["GATE_MARK"]


def journal_lines(shop: Shop) -> int:
    """How many lines the newest journal has."""
    newest = max(shop.service.folder.rglob("*.journal.jsonl"))
    return len(newest.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("line", range(1, DEPLOY_LINES + 1))
def test_a_deployment_cancelled_at_any_line_changes_nothing_more_and_is_made_whole_by_the_next_step(
    live_shop: Shop, gated: Path, line: int
) -> None:
    before, one = tree(live_shop.service.folder), live_shop.service.live
    two = live_shop.caller.commit()
    job = live_shop.job()
    held = Held(job, gated, line)

    cancelled = held.run("deploy", verify="false", token="")

    assert cancelled.conclusion == "cancelled"
    assert tree(live_shop.service.folder) == held.target
    is_done = line >= DEPLOY_LINES  # the last step was done when the signal came
    is_whole = line >= DEPLOY_LINES - 2  # only cleaning was left
    assert live_shop.service.live == two if is_whole else live_shop.service.live in {one, two}
    outputs = cancelled.outputs
    assert (outputs["status"], outputs["reason"]) == (("pass", "ok") if is_done else ("error", "interrupted"))
    assert job.would_roll_back == (outputs["changed"] == "true" and not is_done)
    if job.would_roll_back or is_done:
        back = job.run("rollback", deployment_id=outputs["deployment-id"], token="")
        assert (back.conclusion, back.outputs["status"]) == ("success", "pass")
    assert tree(live_shop.service.folder) == before


@pytest.mark.parametrize("line", range(1, UNDO_LINES + 1))
def test_a_way_back_cancelled_at_any_line_is_gone_to_its_end_by_the_next_run(
    live_shop: Shop, gated: Path, line: int
) -> None:
    before = tree(live_shop.service.folder)
    live_shop.caller.commit("fail")
    job = live_shop.job()
    outputs = job.run("deploy", verify="false", token="").outputs
    assert outputs["changed"] == "true"
    held = Held(job, gated, line)

    cancelled = held.run("rollback", deployment_id=outputs["deployment-id"], token="")

    assert cancelled.conclusion == "cancelled"
    assert tree(live_shop.service.folder) == held.target
    again = live_shop.job().run("rollback", deployment_id=outputs["deployment-id"], token="")
    assert (again.conclusion, tree(live_shop.service.folder)) == ("success", before)


def test_the_journal_has_no_line_at_which_nothing_was_cancelled(live_shop: Shop) -> None:
    live_shop.caller.commit("fail")
    job = live_shop.job()
    outputs = job.run("deploy", verify="false", token="").outputs
    assert journal_lines(live_shop) == DEPLOY_LINES
    job.run("rollback", deployment_id=outputs["deployment-id"], token="")
    assert journal_lines(live_shop) == DEPLOY_LINES + UNDO_LINES


def is_running(number: int) -> bool:
    """Whether there is a process of that number that is more than a leftover entry."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_running_command_is_ended_with_its_children_and_github_knows_within_five_seconds(
    shop: Shop,
) -> None:
    slow = '{ trap "" INT; sleep 100 & echo $! >"$SITE/child"; wait; }'
    shop.caller.write("ci-ops.yml", RELEASES.replace(">commit", f">commit && {slow}"))
    shop.caller.commit()
    job = shop.job()
    child = shop.service.folder / "child"
    signalled: list[float] = []

    def now(_lines: list[str]) -> bool:
        if not signalled and child.exists() and child.read_text().strip():
            signalled.append(time.monotonic())
        return bool(signalled)

    cancelled = job.run("deploy", now)

    assert time.monotonic() - signalled[0] < 5
    assert (cancelled.conclusion, cancelled.outputs["reason"]) == ("cancelled", "interrupted")
    assert shop.github.states() == [["in_progress", "error"]]
    wait_until(lambda: not is_running(int(child.read_text())))
    assert job.would_roll_back
    assert job.run("rollback", deployment_id=cancelled.outputs["deployment-id"]).conclusion == "success"
    assert shop.github.states()[0][-1] == "failure"
    assert not list((shop.service.folder / "releases").iterdir())


def test_a_cancelled_verification_leaves_a_whole_release_that_nobody_goes_back_to(shop: Shop) -> None:
    job = shop.job()
    one = job.run("deploy").outputs["deployment-id"]
    good = shop.service.live
    shop.caller.commit("fail")
    job = shop.job()
    two = job.run("deploy", verify="false").outputs["deployment-id"]
    release = tree(shop.service.folder)

    cancelled = job.run("verify", lambda lines: len(lines) > 0, deployment_id=two, deadline="60s")

    assert cancelled.conclusion == "cancelled"
    assert (cancelled.outputs["status"], cancelled.outputs["reason"]) == ("error", "interrupted")
    assert not job.would_roll_back
    assert tree(shop.service.folder) == release
    assert shop.github.states() == [["in_progress", "inactive", "success"], ["in_progress", "inactive"]]
    later = shop.job().run("rollback")
    assert later.conclusion == "success"
    assert shop.service.live == good
    assert shop.github.deployments[-1]["payload"]["release"] == one


def test_a_cancelled_readiness_ends_the_program_it_was_running(shop: Shop) -> None:
    mark = shop.folder / "mark"
    check = f"readiness: {{checks: {{slow: {{type: command, run: 'echo $$ >{mark}; exec sleep 100'}}}}}}\n"
    shop.caller.write("ci-ops.yml", RELEASES + check)

    def now(_lines: list[str]) -> bool:
        return mark.exists() and mark.read_text().endswith("\n")

    cancelled = shop.job().run("readiness", now)
    assert (cancelled.conclusion, cancelled.outputs["reason"]) == ("cancelled", "interrupted")
    wait_until(lambda: not is_running(int(mark.read_text())))


def test_a_cancelled_message_is_given_up_within_the_grace(shop: Shop) -> None:
    with receiving() as slack:
        slack.answer(Answer(status=SILENCE))
        job = shop.job()
        cancelled = job.run("notify", lambda _lines: bool(slack.taken), to=slack.url(), status="failure")
    assert cancelled.conclusion == "cancelled"
    assert len(slack.taken) == 1
