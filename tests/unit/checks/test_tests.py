"""What is said of a test suite was read from what that suite wrote in this run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks import tests as suite
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location, Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = suite.Tests(python=sys.executable)

GOOD = "def test_good():\n    assert True\n"
APP = "def sign(x):\n    if x > 0:\n        return 1\n    return -1\n"
HALF = "from app import sign\n\n\ndef test_sign():\n    assert sign(1) == 1\n"
PYTEST = f"{sys.executable} -m pytest -p no:cacheprovider"
CASES = '<testcase classname="a" name="one"/><testcase classname="a" name="two"/>'


def project(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return root


def run(root: Path, **settings: Any) -> Result:
    """The result of a suite that, where coverage is not its subject, starts without the plugins of our own tests."""
    check = suite.Tests(**{"python": sys.executable, "coverage_percent": 0, **settings})
    env = {} if check.coverage_percent else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return the_result(check, a_subject(root), a_world(**env))


def reporting(root: Path, xml: str, **settings: Any) -> Result:
    """The result of a command that writes that report."""
    (root / "given.xml").write_text(xml)
    return run(root, **{"run_": "cp given.xml report.xml", "junit": "report.xml", **settings})


def test_a_suite_that_passes_names_its_tests_and_writes_nothing_into_the_project(tmp_path: Path) -> None:
    project(tmp_path, test_a=GOOD + "\n\ndef test_other():\n    pass\n")
    before = {path.name for path in tmp_path.iterdir()}
    result = run(tmp_path, arguments=("-p", "no:cacheprovider"))
    assert (result.status, result.measured, result.sentence) == (Status.PASS, 2, "2 tests passed.")
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == before


@pytest.mark.reports("tests/failed")
def test_each_failing_test_is_named_with_the_line_that_failed(tmp_path: Path) -> None:
    body = "import pytest\n\n\ndef test_bad():\n    x = 1\n    assert x == 2\n\n\n@pytest.fixture\ndef broken():\n"
    project(
        tmp_path,
        test_a=f"{body}    raise OSError('no disk')\n\n\ndef test_setup(broken):\n    pass\n\n\n{GOOD}",
    )
    result = run(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["failed", "failed"], 3)
    assert [each.location for each in result.findings] == [
        Location(file="test_a.py", line=6),
        Location(file="test_a.py", line=11),
    ]
    assert [each.observed for each in result.findings] == ["assert 1 == 2", "OSError: no disk"]


@pytest.mark.reports("tests/failed")
def test_a_module_that_cannot_be_imported_is_a_failure(tmp_path: Path) -> None:
    result = run(project(tmp_path, test_a="import nothing_of_that_name\n", test_b=GOOD))
    assert (result.status, rules_of(result)) == (Status.FAIL, ["failed"])
    assert "nothing_of_that_name" in result.findings[0].observed


@pytest.mark.reports("tests/failed")
def test_failed_subtests_are_one_failed_test_whatever_the_attributes_say(tmp_path: Path) -> None:
    loop = "    for i in range(4):\n        with subtests.test(i=i):\n            assert i == 0\n"
    text = f"def test_many(subtests):\n{loop}"
    result = run(project(tmp_path, test_a=text))
    assert (rules_of(result), result.measured) == (["failed"], 1)


@pytest.mark.reports("tests/failed")
def test_a_failure_counts_although_the_command_hides_its_exit_code(tmp_path: Path) -> None:
    result = run(project(tmp_path, test_a="def test_bad():\n    assert False\n"), run_=f"{PYTEST} || true")
    assert rules_of(result) == ["failed"]


@pytest.mark.reports("tests/vanished", "tests/unreadable")
def test_a_test_whose_process_ends_is_never_a_pass(tmp_path: Path) -> None:
    dies = "import os\n\n\ndef test_dies():\n    os._exit(0)\n"
    rerun = """import pytest\n\n
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.name == "test_gone" and call.when == "call":
        report.outcome = "rerun"
    return report
"""
    project(tmp_path, test_a=GOOD, test_b=dies)
    assert rules_of(run(tmp_path)) == ["unreadable"]
    project(tmp_path, test_b="def test_gone():\n    pass\n", conftest=rerun)
    result = run(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["vanished"], 1)
    assert "test_b::test_gone" in result.sentence


@pytest.mark.reports("tests/failed")
def test_a_worker_of_xdist_that_dies_is_a_failure_and_the_others_are_counted(tmp_path: Path) -> None:
    project(tmp_path, test_a=GOOD, test_b="import os\n\n\ndef test_dies():\n    os._exit(0)\n")
    result = run(tmp_path, arguments=("-p", "xdist", "-n", "2"))
    assert (rules_of(result), result.measured) == (["failed"], 2)
    assert "test_b::test_dies" in result.sentence


@pytest.mark.reports("tests/flaky")
def test_a_flaky_test_is_named_and_only_a_warning(tmp_path: Path) -> None:
    twice = '<testcase classname="a" name="flaky"><failure message="first"/></testcase>'
    surefire = '<testcase classname="a" name="named"><flakyFailure/></testcase>'
    xml = f'<testsuite tests="1">{CASES}{twice}<testcase classname="a" name="flaky"/>{surefire}</testsuite>'
    result = reporting(tmp_path, xml)
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["flaky", "flaky"], 4)
    assert [each.subject for each in result.findings] == ["a::flaky", "a::named"]


@pytest.mark.reports("tests/no-tests")
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("import pytest\n\n\n@pytest.mark.skip\ndef test_a():\n    pass\n", ()),
        (GOOD, ("-k", "nothing")),
        ("x = 1\n", ()),
    ],
    ids=["all skipped", "all deselected", "none collected"],
)
def test_a_run_without_a_test_is_an_error(tmp_path: Path, text: str, arguments: tuple[str, ...]) -> None:
    result = run(project(tmp_path, test_a=text), arguments=arguments)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-tests"], 0)


@pytest.mark.reports("tests/exit-code")
def test_an_exit_code_that_no_test_explains_is_an_error(tmp_path: Path) -> None:
    result = run(project(tmp_path, test_a=GOOD), run_=f"{PYTEST}; exit 3")
    assert (result.status, rules_of(result)) == (Status.ERROR, ["exit-code"])


@pytest.mark.reports("tests/not-run")
def test_without_pytest_it_is_an_error_or_where_it_was_detected_a_skip(tmp_path: Path) -> None:
    project(tmp_path, test_a=GOOD)
    assert rules_of(run(tmp_path, python="/nonexistent/python")) == ["not-run"]
    skipped = run(tmp_path, python="/nonexistent/python", without_pytest="skip")
    assert (skipped.status, skipped.measured) == (Status.SKIP, 0)
    assert rules_of(run(tmp_path, run_="exit 127")) == ["not-run"]
    assert rules_of(run(tmp_path, run_="kill -9 $$")) == ["not-run"]


@pytest.mark.reports("tests/timeout")
def test_a_suite_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    result = run(project(tmp_path, test_a=GOOD), run_="exec sleep 60", timeout=0.2)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["timeout"], 0)


@pytest.mark.reports("tests/unreadable")
@pytest.mark.parametrize("command", [f"{PYTEST} --no-such-option", "true"], ids=["usage error", "no pytest"])
def test_a_command_that_reports_nothing_is_an_error(tmp_path: Path, command: str) -> None:
    result = run(project(tmp_path, test_a=GOOD), run_=command)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)


@pytest.mark.reports("tests/unreadable")
def test_a_report_of_an_earlier_run_is_deleted_and_never_read(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(f"<testsuite>{CASES}</testsuite>")
    result = run(tmp_path, run_="true", junit="report.xml")
    assert (result.status, rules_of(result)) == (Status.ERROR, ["unreadable"])
    assert not (tmp_path / "report.xml").exists()


def test_a_report_outside_the_project_is_neither_deleted_nor_read(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    outside = tmp_path / "report.xml"
    outside.write_text(f"<testsuite>{CASES}</testsuite>")
    (root / "link").symlink_to(tmp_path)
    for pattern in ("../report.xml", str(outside), "link/report.xml"):
        assert rules_of(run(root, run_="true", junit=pattern)) == ["unreadable"]
    assert outside.exists()


@pytest.mark.reports("tests/unreadable")
@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<testsuite><testcase",
        f'<!DOCTYPE x [<!ENTITY a "b">]><testsuite>{CASES}</testsuite>',
        '<!DOCTYPE x SYSTEM "other.dtd"><testsuite/>',
        f"<html>{CASES}</html>",
        f"<testsuite>{'<a>' * 100}{'</a>' * 100}{CASES}</testsuite>",
    ],
    ids=["empty", "cut short", "entity", "external type", "other root", "deep"],
)
def test_a_report_that_is_no_whole_junit_report_is_an_error(tmp_path: Path, xml: str) -> None:
    result = reporting(tmp_path, xml)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)


def test_a_second_session_is_read_too_and_one_inside_a_test_is_not(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    project(inner, check_bad="def test_bad():\n    assert False\n")
    starts = (
        "import subprocess, sys\n\n\ndef test_starts():\n"
        f"    assert subprocess.call([sys.executable, '-m', 'pytest', {str(inner / 'check_bad.py')!r}]) == 1\n"
    )
    project(tmp_path, test_a=starts, test_b=GOOD)
    result = run(tmp_path, run_=f"{PYTEST} test_a.py && {PYTEST} test_b.py")
    assert (result.status, result.measured) == (Status.PASS, 2)


@pytest.mark.reports("tests/coverage")
def test_coverage_is_compared_exactly(tmp_path: Path) -> None:
    """6 of 7 statements are 85.714… %: no rounding brings them to 85.72."""
    project(tmp_path, app=APP, test_app=HALF)
    assert run(tmp_path, coverage_percent=85.71).status is Status.PASS
    result = run(tmp_path, coverage_percent=85.72)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["coverage"])
    assert (result.facts["covered"], result.facts["coverable"]) == (6, 7)
    assert "app.py (1 missing)" in result.findings[0].observed


@pytest.mark.reports("tests/coverage")
def test_branches_count_where_the_project_measures_them_and_its_own_source_is_kept(tmp_path: Path) -> None:
    project(tmp_path, app=APP, test_app=HALF)
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\n[report]\nfail_under = 100\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -q\n  --cov=app --cov-fail-under=100\n")
    result = run(tmp_path, coverage_percent=85)
    assert rules_of(result) == ["coverage"]
    assert (result.facts["covered"], result.facts["coverable"]) == (4, 6)


@pytest.mark.reports("tests/no-coverage")
def test_coverage_of_an_earlier_run_is_never_read(tmp_path: Path) -> None:
    project(tmp_path, app=APP, test_app=HALF)
    subprocess.run([sys.executable, "-m", "coverage", "run", "app.py"], cwd=tmp_path, check=True)
    assert (tmp_path / ".coverage").exists()
    result = run(tmp_path, run_=PYTEST, coverage_percent=85)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["no-coverage"])
    (tmp_path / "old.json").write_text("{}")
    stale = run(tmp_path, run_=PYTEST, coverage_percent=85, coverage_json="old.json")
    assert (rules_of(stale), (tmp_path / "old.json").exists()) == (["no-coverage"], False)


@pytest.mark.reports("tests/no-coverage")
@pytest.mark.parametrize("damage", ["truncate -s 20000", "truncate -s 0"])
def test_data_of_which_a_part_cannot_be_read_are_refused(tmp_path: Path, damage: str) -> None:
    project(tmp_path, app=APP, test_app=HALF)
    once = f"{sys.executable} -m coverage run -p app.py"
    commands = f"{PYTEST} && {once} && {once}"
    damaged = run(
        tmp_path,
        run_=f'{commands} && {damage} "$(ls "$COVERAGE_FILE".* | head -n 1)"',
        coverage_percent=20,
    )
    assert (damaged.status, rules_of(damaged)) == (Status.ERROR, ["no-coverage"])


def test_data_of_several_processes_are_combined(tmp_path: Path) -> None:
    project(tmp_path, app=APP, more="x = 1\n", test_app=HALF)
    once = f"{sys.executable} -m coverage run -p"
    command = f"{PYTEST} && {once} app.py && {once} more.py"
    result = run(tmp_path, run_=command, coverage_percent=20)
    assert (result.status, result.facts["covered"], result.facts["coverable"]) == (Status.PASS, 2, 5)


@pytest.mark.reports("tests/no-coverage")
@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        {"totals": {"covered_lines": 0, "num_statements": 0}, "files": {}},
        {"totals": {"covered_lines": True, "num_statements": 1}, "files": {}},
        {"totals": {"covered_lines": 2, "num_statements": 1}, "files": {}},
        {"totals": {"percent_covered": 100.0}, "files": {}},
    ],
    ids=["empty", "a list", "no statement", "no number", "too many", "only a rate"],
)
def test_a_coverage_report_without_figures_is_an_error(tmp_path: Path, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    project(tmp_path, test_a=GOOD)
    (tmp_path / "given.json").write_text(text)
    command = f"{PYTEST} && cp given.json coverage.json"
    result = run(tmp_path, run_=command, coverage_percent=85, coverage_json="coverage.json")
    assert (result.status, rules_of(result)) == (Status.ERROR, ["no-coverage"])


@pytest.mark.reports("tests/no-coverage")
def test_a_configured_source_that_was_never_imported_is_an_error(tmp_path: Path) -> None:
    project(tmp_path, app=APP, test_app=HALF)
    result = run(tmp_path, coverage_percent=50, arguments=("--cov=app", "--cov=absent_module"))
    assert (result.status, rules_of(result)) == (Status.ERROR, ["no-coverage"])
    assert "absent_module" in result.sentence


def test_the_suite_sees_the_environment_of_a_command(tmp_path: Path) -> None:
    text = "import os\n\n\ndef test_env():\n    assert os.environ['DATABASE_URL'] == 'sqlite://'\n"
    project(tmp_path, test_a=text)
    check = suite.Tests(python=sys.executable, coverage_percent=0)
    result = the_result(
        check, a_subject(tmp_path), a_world(DATABASE_URL="sqlite://", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    )
    assert result.status is Status.PASS


@pytest.mark.parametrize("percent", [-1.0, 100.5])
def test_a_share_that_is_none_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="coverage-percent"):
        suite.Tests(coverage_percent=percent)


def test_it_applies_where_there_are_tests(tmp_path: Path) -> None:
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    assert suite.Tests.detect(tmp_path) is None
    project(tmp_path / "tests" / "unit", test_a=GOOD)
    assert suite.Tests.detect(tmp_path) == suite.Tests(without_pytest="skip")
    shutil.rmtree(tmp_path / "tests")
    project(tmp_path, shop_test=GOOD)
    assert suite.Tests.detect(tmp_path) == suite.Tests(without_pytest="skip")
