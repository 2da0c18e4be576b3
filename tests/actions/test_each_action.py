"""Each action as a step of a job: when it is good, when it fails, and what it never does."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.support.action_files import ACTIONS
from tests.support.caller import RELEASES, SLACK
from tests.support.job import TOKEN, commands, tree
from tests.support.parts import ROOT
from tests.support.receiver import Answer, receiving
from tests.support.wheelhouse import serve_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.conftest import Shop
    from tests.support.mini_runner import Result

HOSTILE = (
    'It\'s "bad" `touch owned` $(touch owned)\n::error::owned\n'
    "##[error]owned\n::set-output name=status::pass\n%0A"
)


def ended(result: Result) -> tuple[str, str, str]:
    """Conclusion, status and reason."""
    return result.conclusion, result.outputs["status"], result.outputs["reason"]


def test_readiness_passes_a_project_in_order_and_says_what_it_looked_at(shop: Shop) -> None:
    result = shop.job().run("readiness")
    assert ended(result) == ("success", "pass", "ok")
    assert "git-state" in result.summary
    assert "config-file" in result.summary
    assert result.log.annotations("error") == []


def test_readiness_fails_at_the_line_of_the_mistake(shop: Shop) -> None:
    shop.caller.write("ci-ops.yml", RELEASES.replace("deadline:", "deadlin:"))
    result = shop.job().run("readiness")
    assert ended(result)[:2] == ("failure", "fail")
    (annotation,) = (each for each in result.log.annotations("error") if "deadlin" in each.data)
    assert annotation.properties["file"] == "ci-ops.yml"
    assert annotation.properties["line"] == "10"


def test_readiness_that_finds_nothing_to_look_at_is_no_pass(shop: Shop, tmp_path: Path) -> None:
    job = shop.job()
    job.runner.workspace = tmp_path / "empty"
    job.runner.workspace.mkdir()
    assert ended(job.run("readiness")) == ("failure", "error", "nothing-measured")


def test_a_deployment_that_verifies_is_recorded_as_verified(shop: Shop) -> None:
    result = shop.job().run("deploy")
    assert ended(result) == ("success", "pass", "ok")
    assert result.outputs["changed"] == "true"
    assert result.outputs["github-deployment-id"] == "1000"
    assert shop.github.states() == [["in_progress", "inactive", "success"]]
    assert shop.github.deployments[0]["payload"]["id"] == result.outputs["deployment-id"]
    assert shop.service.live == shop.caller.git("rev-parse", "HEAD")


def test_a_deployment_that_does_not_verify_is_taken_back(shop: Shop) -> None:
    shop.job().run("deploy")
    before = tree(shop.service.folder)
    shop.caller.commit("fail")
    job = shop.job()
    result = job.run("deploy")
    assert ended(result) == ("failure", "fail", "rolled-back")
    assert tree(shop.service.folder) == before
    assert not job.would_roll_back
    assert shop.github.states()[1][-1] == "failure"


def test_the_same_commit_again_changes_nothing_and_nobody_goes_back(shop: Shop) -> None:
    shop.job().run("deploy")
    job = shop.job()
    result = job.run("deploy", verify="false")
    assert ended(result) == ("success", "warn", "unchanged")
    assert result.outputs["changed"] == "false"
    shop.service.folder.joinpath("current").unlink()
    job.run("verify", deployment_id=result.outputs["deployment-id"], deadline="0")
    verified = job.steps["verify"]["outputs"]
    assert (verified["status"], verified["reason"]) == ("error", "not-live")
    assert not job.would_roll_back


def test_what_verify_says_decides_whether_the_next_step_goes_back(shop: Shop) -> None:
    for health, is_good in (("pass", True), ("fail", False)):
        shop.caller.commit(health)
        job = shop.job()
        number = job.run("deploy", verify="false").outputs["deployment-id"]
        result = job.run("verify", deployment_id=number)
        assert ended(result) == (("success", "pass", "ok") if is_good else ("failure", "fail", "findings"))
        assert job.would_roll_back is not is_good
    back = job.run("rollback", deployment_id=number)
    assert ended(back) == ("success", "pass", "ok")
    assert shop.github.states() == [
        ["in_progress", "inactive", "success"],
        ["in_progress", "inactive", "failure", "failure"],
    ]


def test_a_set_up_that_fails_is_no_reason_to_go_back(shop: Shop) -> None:
    job = shop.job()
    job.run("deploy", verify="false")
    result = job.run("verify", python="/no/such/python", deployment_id="x")
    assert ended(result) == ("failure", "error", "setup-failed")
    assert not job.would_roll_back


def test_a_release_that_could_not_be_looked_at_may_be_held(shop: Shop) -> None:
    shop.caller.write("ci-ops.yml", RELEASES + "  checks: {look: {type: command, run: no-such-program}}\n")
    shop.caller.commit()
    job = shop.job()
    number = job.run("deploy", verify="false").outputs["deployment-id"]
    assert ended(job.run("verify", deployment_id=number, on_error="hold", deadline="0"))[2] == "held"
    assert not job.would_roll_back
    assert ended(job.run("verify", deployment_id=number, deadline="0"))[2] == "inconclusive"
    assert job.would_roll_back


def test_a_rollback_without_a_verified_release_says_so_and_changes_nothing(shop: Shop) -> None:
    result = shop.job().run("rollback")
    assert ended(result) == ("failure", "error", "no-rollback-target")
    assert tree(shop.service.folder) == {}


def test_notify_tells_of_the_last_report_once(shop: Shop) -> None:
    with receiving() as slack:
        job = shop.job()
        job.run("deploy")
        first = job.run("notify", to=slack.url())
        assert ended(first) == ("success", "pass", "ok")
        (message,) = slack.taken
        assert "is live in production and verified." in message.body.decode()
        job.run("notify", to=slack.url())
        assert len(slack.taken) == 1


def test_a_channel_that_refuses_is_a_warning_and_keeps_its_address_to_itself(shop: Shop) -> None:
    with receiving() as slack:
        slack.answer(Answer(status=403, body="invalid_token"))
        result = shop.job().run("notify", to=slack.url(), status="failure")
    assert ended(result) == ("success", "warn", "delivery-failed")
    assert "abcdefgh12345678" not in result.summary + "\n".join(result.log.shown)


@pytest.mark.parametrize("knows_the_channel", [True, False])
def test_finish_closes_what_a_lost_runner_left_open_and_tells_whom_it_can(
    shop: Shop, knows_the_channel: bool
) -> None:
    mark = shop.folder / "mark"
    slow = RELEASES.replace(">commit", f">commit; touch {mark}; sleep 100")
    shop.caller.write("ci-ops.yml", slow + SLACK)
    with receiving() as slack:
        job = shop.job(SLACK_WEBHOOK_URL=slack.url())
        job.runner.grace_seconds = (0, 0)  # a runner that is lost asks nobody
        job.run("deploy", lambda _lines: mark.exists())
        assert shop.github.states() == [["in_progress"]]

        lost = shop.job(**({"SLACK_WEBHOOK_URL": slack.url()} if knows_the_channel else {}))
        lost.runner.github["run_id"] = job.runner.github["run_id"]
        result = lost.run("deploy", finish="true")
        assert ended(result) == ("failure", "fail", "findings")
        assert shop.github.states() == [["in_progress", "error"]]
        told = "\n".join(each.body.decode() for each in slack.taken)
        assert ("The runner was lost" in told) is knows_the_channel
        assert ended(lost.run("deploy", finish="true")) == ("success", "pass", "ok")


def test_hostile_words_are_words_everywhere(shop: Shop) -> None:
    shop.caller.commit(message=HOSTILE)
    with receiving() as slack:
        job = shop.job()
        job.runner.github["ref"] = "refs/heads/$(touch${IFS}owned)'\"-%0A"
        job.tell_event({"head_commit": {"message": HOSTILE}, "ref": HOSTILE})
        shop.job().run("deploy")
        results = [
            job.run("readiness", url=f"http://127.0.0.1:9/{HOSTILE}"),
            job.run("deploy", version=HOSTILE, force="true"),
            job.run("verify", url=shop.service.url, environment="staging"),
            job.run("notify", to=slack.url(), sentence=HOSTILE),
            job.run("rollback", reason=HOSTILE, to=HOSTILE),
        ]
    assert results[1].conclusion == "success"
    for result in results:
        assert commands(result) <= {"add-mask", "error", "warning", "notice", "group", "endgroup"}
        assert all(each.data != "owned" for each in result.log.commands)
        assert result.outputs["status"] in {"pass", "warn", "fail", "error"}
        assert "::error::owned" not in "\n".join(result.log.shown).splitlines()
    assert results[4].outputs["status"] == "error"
    assert not list(shop.folder.rglob("owned*"))


def test_the_token_is_masked_before_anything_is_said_and_is_in_nothing_that_is_kept(shop: Shop) -> None:
    job = shop.job()
    for name in ("readiness", "deploy", "verify"):
        result = job.run(name, url=shop.service.url)
        assert TOKEN in result.log.masks
        assert TOKEN not in result.summary + "\n".join(result.log.shown)
    kept = [
        path
        for path in (job.home / "temp" / "ci-ops").rglob("*")
        if path.suffix in {".json", ".md", ".jsonl"}
    ]
    kept += list((shop.service.folder / ".ci-ops").rglob("*.jsonl"))
    assert len(kept) >= 6
    assert not [path for path in kept if TOKEN in path.read_text(encoding="utf-8")]


def test_after_the_first_two_steps_nothing_is_fetched(shop: Shop) -> None:
    shop.job().run("deploy")
    shop.caller.commit()
    job = shop.job()
    job.run("deploy", verify="false")
    with serve_index() as index:
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_NO_INDEX", "UV_OFFLINE", "UV_FIND_LINKS"):
            del job.runner.environ[name]
        job.runner.environ |= {"PIP_INDEX_URL": index.url, "UV_DEFAULT_INDEX": index.url}
        number = job.steps["deploy"]["outputs"]["deployment-id"]
        assert job.run("verify", deployment_id=number).conclusion == "success"
        assert job.run("notify", to="console").conclusion == "success"
        assert job.run("rollback").conclusion == "success"
    assert index.asked == []


def test_a_look_that_has_nothing_to_say_to_github_does_not_wait_for_its_client(shop: Shop) -> None:
    shop.job().run("deploy")
    job = shop.job()
    environments = job.runner.temp / "ci-ops" / "env"
    environments.rename(job.home / "unused")
    assert job.run("verify", url=shop.service.url).conclusion == "success"
    assert job.run("readiness").conclusion == "success"
    assert [each.name.partition("-")[0] for each in environments.iterdir()] == ["core"]
    assert job.run("readiness", status_context="ci-ops / readiness").conclusion == "success"
    assert {each.name.partition("-")[0] for each in environments.iterdir()} == {"core", "github"}


def test_steps_that_start_at_once_in_a_fresh_job_do_not_disturb_each_other(shop: Shop) -> None:
    shop.job().run("deploy")
    job = shop.job()
    environments = job.runner.temp / "ci-ops" / "env"
    environments.rename(job.home / "unused")
    results: dict[str, Result] = {}

    def step(name: str) -> None:
        results[name] = job.run(name, url=shop.service.url)

    names = ("readiness", "verify", "notify")
    steps = [Thread(target=step, args=(name,)) for name in names]
    for each in steps:
        each.start()
    for each in steps:
        each.join()
    assert {name: result.conclusion for name, result in results.items()} == dict.fromkeys(names, "success")
    assert not list(environments.glob(".new-*"))


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_leaves_its_own_folder_the_project_and_the_jobs_environment_alone(
    shop: Shop, name: str
) -> None:
    before = sorted((ROOT / "actions").rglob("*"))
    job = shop.job()
    job.run(name, url=shop.service.url)
    assert shop.caller.git("status", "--porcelain") == ""
    assert sorted((ROOT / "actions").rglob("*")) == before
    files = [
        path for path in job.runner.temp.glob("_runner_file_commands-*/*") if path.name in {"ENV", "PATH"}
    ]
    assert [path.stat().st_size for path in files] == [0, 0]
