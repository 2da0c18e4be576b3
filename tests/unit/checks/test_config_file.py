from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.checks.config_file import ConfigFile
from ci_ops.core.errors import Problem
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = ConfigFile()

FILE = Path("/project/ci-ops.yml")


def test_a_file_without_problems_passes() -> None:
    result = the_result(ConfigFile(), a_subject(config_file=FILE, config_problems=()), a_world())
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.sentence == "ci-ops.yml has no problem."


@pytest.mark.reports("config-file/problem")
def test_every_problem_is_a_finding_at_its_own_line() -> None:
    problems = (
        Problem("expected a number", path="verify.deadline", location="ci-ops.yml:12:5"),
        Problem("unknown key", path="verify.urls", location="ci-ops.yml:3"),
        Problem("too large", path="", location="ci-ops.yml"),
        Problem("not set", path="", location=""),
    )
    result = the_result(ConfigFile(), a_subject(config_file=FILE, config_problems=problems), a_world())
    assert result.status is Status.FAIL
    assert [(finding.sentence, finding.location) for finding in result.findings] == [
        ("verify.deadline: expected a number", Location(file="ci-ops.yml", line=12)),
        ("verify.urls: unknown key", Location(file="ci-ops.yml", line=3)),
        ("too large", Location(file="ci-ops.yml", line=1)),
        ("not set", None),
    ]


def test_without_a_file_there_is_nothing_to_look_at() -> None:
    result = the_result(ConfigFile(), a_subject(), a_world())
    assert (result.status, result.measured) == (Status.SKIP, 0)


@pytest.mark.reports("config-file/not-read")
def test_a_file_that_nobody_read_is_an_error() -> None:
    result = the_result(ConfigFile(), a_subject(config_file=FILE), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["not-read"])


def test_it_applies_where_the_file_is(tmp_path: Path) -> None:
    assert ConfigFile.detect(tmp_path) is None
    (tmp_path / "ci-ops.json").write_text("{}")
    assert ConfigFile.detect(tmp_path) == ConfigFile()
