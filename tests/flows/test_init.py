"""A first configuration and workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.checks.env_vars import EnvVars
from ci_ops.config.load import Source, load
from ci_ops.core.errors import UsageError
from ci_ops.edge.templates import JinjaTemplates
from ci_ops.flows.init import init


def test_what_a_check_found_out_stands_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("SECRET_KEY=\n")
    init(tmp_path, JinjaTemplates())
    written = (tmp_path / "ci-ops.yml").read_text()
    assert '    env-vars: {from-example: ".env.example", when-absent: "warn"}\n' in written
    loaded = load(Source(env={"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x"}, start=tmp_path))
    (check,) = loaded.readiness.checks
    assert check.plugin == EnvVars(from_example=".env.example", when_absent="warn")


def test_where_nothing_is_recognised_the_file_itself_is_looked_at(tmp_path: Path) -> None:
    assert "found for readiness: nothing that is recognised" in init(tmp_path, JinjaTemplates())
    loaded = load(Source(env={}, start=tmp_path, uses=("readiness",)))
    assert [check.name for check in loaded.readiness.checks] == ["config-file"]


@pytest.mark.parametrize("name", ["ci-ops.yml", "ci-ops.yaml", "ci-ops.json"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match="exists already"):
        init(tmp_path, JinjaTemplates())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        init(tmp_path, JinjaTemplates())
    assert caught.value.where.endswith("deploy.yml")
