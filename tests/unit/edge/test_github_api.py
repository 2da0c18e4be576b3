"""One question to GitHub, against a local server on which everything goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError
from ci_ops.edge import github_api
from ci_ops.edge.clock import RealClock, StopSignal
from tests.support.github_client import RECORD, REVISION, TOKEN, client_of
from tests.support.github_double import SECONDARY_LIMIT, GitHubDouble
from tests.support.jump_clock import JumpClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.edge.github import GitHub

ROOT = Path(__file__).resolve().parents[3]


def error_of(github: GitHub, record: DeploymentRecord = RECORD) -> LedgerError:
    """What opening the record raises."""
    with pytest.raises(LedgerError) as caught:
        github.open(record)
    return caught.value


def test_a_missing_permission_is_a_skip_that_names_it(double: GitHubDouble, github: GitHub) -> None:
    double.permissions["deployments"] = "read"
    error = error_of(github)
    assert error.is_skip
    assert error.permission == "deployments: write"
    assert str(error) == (
        "GitHub repository org/app: could not create the deployment of abc1234: "
        "the token lacks `deployments: write` (403 Resource not accessible by integration)"
    )
    assert "Add `deployments: write` to the job's `permissions:`" in error.hint
    assert len(double.requests) == 2


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, "credentials", "Give the input `token`"),
        (404, "missing", "Check the repository's name"),
        (409, "conflict", "required checks"),
        (422, "refused", ""),
        (410, "refused", ""),
    ],
)
def test_every_refusal_says_what_to_do_and_is_not_asked_again(
    double: GitHubDouble, github: GitHub, status: int, kind: str, hint: str
) -> None:
    double.fail(status, method="POST", path="deployments$", message=f"no\n::error::{TOKEN} because")
    error = error_of(github)
    assert (error.kind, error.is_skip) == (kind, False)
    assert f"({status} no ::error::*** because)" in error.what
    assert hint in error.hint
    assert len(double.writes()) == 1


def test_a_commit_that_was_not_pushed_is_named_as_the_cause(double: GitHubDouble, github: GitHub) -> None:
    double.missing_refs.add(REVISION)
    error = error_of(github)
    assert f"No ref found for: {REVISION}" in error.what
    assert error.hint == "Push the commit before it is deployed."


def test_a_merge_instead_of_a_deployment_is_not_taken_for_one(double: GitHubDouble, github: GitHub) -> None:
    double.fail(202, method="POST", path="deployments$", message="Auto-merged main into topic on deployment.")
    error = error_of(github)
    assert (error.kind, double.deployments) == ("merged", [])
    assert "(202)" in error.what


def test_a_deployment_of_an_unknown_commit_needs_a_branch(double: GitHubDouble, github: GitHub) -> None:
    assert error_of(github, replace(RECORD, revision="")).kind == "refused"
    opened = github.open(replace(RECORD, revision="", ref="main"))
    assert double.writes()[0].body["ref"] == "main"
    assert github.open(opened) == opened
    assert len(double.deployments) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_of_github_itself_is_asked_again(double: GitHubDouble, github: GitHub, status: int) -> None:
    double.fail(status, times=2, method="POST", path="deployments$", text="<html>bad gateway</html>")
    github.open(RECORD)
    assert double.states() == [["in_progress"]]


def test_a_deployment_that_was_made_before_the_bad_answer_is_not_made_again(
    double: GitHubDouble, github: GitHub
) -> None:
    double.fail(502, method="POST", path="deployments$", after=True)
    opened = github.open(RECORD)
    assert double.states() == [["in_progress"]]
    assert opened.external_id == "1000"


def test_a_failure_that_lasts_ends_after_ten_seconds_with_its_cause(double: GitHubDouble) -> None:
    clock = JumpClock()
    double.fail(503, times=99, message="Unicorn!")
    with client_of(double, clock=clock) as github:
        error = error_of(github)
    assert error.kind == "unavailable"
    assert "GitHub itself failed (503 Unicorn!)" in error.what
    assert clock.monotonic() == pytest.approx(github_api.TOTAL_SECONDS)


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (403, {"Retry-After": "3"}, SECONDARY_LIMIT),
        (429, {"Retry-After": "3"}, ""),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "NOW+3"}, "API rate limit exceeded for x."),
    ],
)
def test_a_rate_limit_is_waited_for_as_long_as_github_asks(
    double: GitHubDouble, status: int, headers: dict[str, str], message: str
) -> None:
    clock = JumpClock()
    reset = str(round(clock.now().timestamp()) + 3)
    sent = {name: reset if value == "NOW+3" else value for name, value in headers.items()}
    double.fail(status, headers=sent, message=message)
    with client_of(double, clock=clock) as github:
        github.open(RECORD)
    assert 3.0 in clock.waits


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}, {"Retry-After": "soon"}])
def test_a_rate_limit_that_lasts_longer_is_said_at_once(
    double: GitHubDouble, headers: dict[str, str]
) -> None:
    clock = JumpClock()
    double.fail(403, times=9, message=SECONDARY_LIMIT, headers=headers)
    with client_of(double, clock=clock) as github:
        error = error_of(github)
    assert error.kind == "limited"
    assert error.what.endswith(f"in {headers.get('Retry-After', '60').replace('soon', '60')} s")
    assert clock.monotonic() == 0.0


FOREIGN = ["{ broken", "[1, 2]", '{"data": 5}', "<html>Sign in</html>", "{}", '{"id": "x"}']


@pytest.mark.parametrize("answer", FOREIGN)
def test_an_answer_that_is_not_githubs_is_said_to_be_none(
    double: GitHubDouble, github: GitHub, answer: str
) -> None:
    double.fail(200, method="GET", text=answer)
    error = error_of(github)
    assert error.kind == "foreign"
    assert "the answer was not GitHub's" in error.what


@pytest.mark.parametrize("answer", FOREIGN)
@pytest.mark.parametrize("status", [200, 201])
def test_a_write_whose_answer_is_not_githubs_is_no_success(
    double: GitHubDouble, github: GitHub, status: int, answer: str
) -> None:
    opened = github.open(RECORD)
    writes: tuple[Callable[[], object], ...] = (
        lambda: github.open(replace(RECORD, id=f"{RECORD.id[:-8]}-{'d' * 7}")),
        lambda: github.update(opened.with_state(State.VERIFIED)),
        lambda: github.commit_status(REVISION, context="ci", state="success", description="fine"),
    )
    for write in writes:
        double.fail(status, method="POST", text=answer)
        with pytest.raises(LedgerError) as caught:
            write()
        assert caught.value.kind == "foreign"
    assert (len(double.deployments), double.states(), double.commit_statuses) == (1, [["in_progress"]], [])


@pytest.mark.parametrize("answer", FOREIGN)
def test_a_run_is_over_only_where_github_says_so(double: GitHubDouble, github: GitHub, answer: str) -> None:
    double.fail(200, method="GET", path="actions", text=answer)
    with pytest.raises(LedgerError) as caught:
        github.is_run_finished(RECORD.run_url)
    assert caught.value.kind == "foreign"


def test_a_github_that_cannot_be_reached_is_unreachable() -> None:
    with GitHubDouble() as double:
        pass
    with client_of(double) as github:
        error = error_of(github)
    assert error.kind == "unreachable"
    assert error.what.endswith("ConnectionError")


@pytest.mark.parametrize("token", ["two\nlines-of-a-secret", "zwölf-zeichen", "  "])
def test_a_token_that_can_be_none_is_refused_without_being_shown(double: GitHubDouble, token: str) -> None:
    with client_of(double, token=token) as github:
        error = error_of(github)
    assert error.kind == "credentials"
    assert double.requests == []


@pytest.mark.parametrize("status", [200, 202, 301, 401, 403, 404, 409, 422, 500])
@pytest.mark.parametrize("text", [f'{{"message": "{TOKEN}", "x": "{TOKEN}"}}', TOKEN])
def test_no_error_shows_the_token(double: GitHubDouble, status: int, text: str) -> None:
    double.fail(status, times=99, method="POST", text=text)
    with client_of(double) as github:
        error = error_of(github)
    told = "".join(traceback.format_exception(error)) + repr(error) + str(error.__dict__) + error.hint
    assert TOKEN not in told
    assert error.__cause__ is None


def test_the_last_state_is_written_within_five_seconds_of_a_stop_however_github_hangs() -> None:
    stop = StopSignal()
    with GitHubDouble() as double, client_of(double, clock=RealClock(stop)) as github:
        opened = github.open(RECORD)
        stop.request(15)
        double.fail(503, method="POST")
        started = time.monotonic()
        github.update(opened.with_state(State.INTERRUPTED))
        assert time.monotonic() - started < 5.0
        assert double.states() == [["in_progress", "error"]]


def test_a_github_that_hangs_is_given_up_within_five_seconds_of_a_stop() -> None:
    stop = StopSignal()
    with GitHubDouble() as double, client_of(double, clock=RealClock(stop)) as github:
        opened = github.open(RECORD)
        stop.request(15)
        double.fail(hold_seconds=60.0, times=99)
        started = time.monotonic()
        with pytest.raises(LedgerError, match="no answer within"):
            github.update(opened.with_state(State.INTERRUPTED))
        assert time.monotonic() - started < 5.0


def test_a_stop_ends_the_wait_between_two_tries() -> None:
    stop = StopSignal()
    with GitHubDouble() as double, client_of(double, clock=RealClock(stop)) as github:
        double.fail(429, headers={"Retry-After": "9"}, times=99)
        threading.Timer(0.2, stop.request, [2]).start()
        started = time.monotonic()
        with pytest.raises(CiOpsError, match="stopped by signal 2"):
            github.open(RECORD)
        assert time.monotonic() - started < 5.0


def test_the_library_is_loaded_by_those_alone_who_ask_github_something() -> None:
    program = (
        "import sys, ci_ops.edge.github, ci_ops.edge.runner; print({'github', 'requests'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "set()\n"


def test_the_double_serves_other_programs_too() -> None:
    command = [sys.executable, "-m", "tests.support.github_double", "--repository", "org/app"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        fail = urllib.request.Request(f"{url}/_double/fail", b'{"status": 503, "path": "deployments"}')
        with urllib.request.urlopen(fail, timeout=5) as answer:
            assert answer.status == 200
        double = GitHubDouble()
        double.url = url
        with client_of(double) as github:
            github.open(RECORD)
        with urllib.request.urlopen(f"{url}/_double", timeout=5) as answer:
            held = json.load(answer)
        process.terminate()
        process.wait(10)
    double._server.server_close()
    assert [each["payload"]["id"] for each in held["deployments"]] == [RECORD.id]
    assert held["requests"][0]["path"] == "/repos/org/app/deployments"
