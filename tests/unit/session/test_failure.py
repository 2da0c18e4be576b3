"""What is said when a command could not do its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.core.errors import CiOpsError, ConfigError, LockHeld, Problem, UsageError
from ci_ops.session.environment import likely_secrets
from ci_ops.session.failure import report_bug, report_failure
from tests.support.runner_rules import parse_file


def told(tmp_path: Path, error: CiOpsError) -> tuple[int, dict[str, str], str]:
    """The exit code, the outputs and the job summary."""
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    code = report_failure(error, {"GITHUB_ACTIONS": "true", **files})
    return (
        code,
        parse_file((tmp_path / "GITHUB_OUTPUT").read_bytes()),
        (tmp_path / "GITHUB_STEP_SUMMARY").read_text(),
    )


def test_a_runner_gets_outputs_a_summary_and_an_annotation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, outputs, summary = told(tmp_path, LockHeld("the lock is held by mona", where="/srv", hint="Wait."))
    assert (code, outputs) == (7, {"status": "error", "reason": "lock-held"})
    assert summary == (
        "## ⛔ ci-ops: lock-held\n\n- /srv: the lock is held by mona\n\n> **What to do:** Wait.\n"
    )
    assert capsys.readouterr().err == (
        "error: /srv: the lock is held by mona\n"
        "hint: Wait.\n"
        "::error title=ci-ops%3A lock-held::/srv: the lock is held by mona. Wait.\n"
    )


def test_a_problem_of_the_configuration_is_not_taken_for_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = (
        Problem("unknown key", path="notify.channels.ops.secret", location="ci-ops.yml:3:5"),
        Problem("not YAML", path="", location="ci-ops.yml:9:1"),
    )
    assert told(tmp_path, ConfigError(problems))[0] == 2
    said = capsys.readouterr().err
    assert "error: ci-ops.yml:3:5 notify.channels.ops.secret: unknown key\n" in said
    assert "file=ci-ops.yml,line=3::notify.channels.ops.secret: unknown key\n" in said
    assert "file=ci-ops.yml,line=9::not YAML\n" in said


@pytest.mark.parametrize("where", ["token", "secret", "deploy.password", "authorization"])
def test_a_place_that_is_named_like_a_secret_hides_nothing_of_the_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    told(tmp_path, UsageError("nothing is given", where=where, hint="Give `token`, as `--token NAME` does."))
    said = capsys.readouterr().err
    assert f"error: {where}: nothing is given\nhint: Give `token`, as `--token NAME` does.\n" in said
    told(tmp_path, UsageError("password=hunter2-hunter2 was seen", where=where))
    assert "hunter2" not in capsys.readouterr().err


def test_where_the_runners_files_cannot_be_written_the_log_has_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path)}
    assert report_bug(KeyError("x"), platform="test", env=env) == 70
    said = capsys.readouterr().err
    assert "cannot write the file of GITHUB_OUTPUT" in said
    assert "error: ci-ops failed unexpectedly\n" in said


def test_values_of_variables_that_are_named_like_a_secret_are_hidden_whatever_they_look_like() -> None:
    secrets = {
        "SECRET_KEY": "correct-horse-battery-staple",
        "DB_PASSWORD": "hunter2",
        "API_TOKEN": "/9j8Base64KeyStartsWithSlash77",
        "SMTP_PASS": "word",
    }
    others = {
        "TOKEN_FILE": "/var/run/secrets/token-1",
        "COLOUR": "correct-horse-8-battery",
        "DATABASE_URL": "postgresql://shop:in-the%2Faddress@db/shop",
    }
    found = likely_secrets({**secrets, **others})
    assert found == (*secrets.values(), "in-the/address", "in-the%2Faddress")
