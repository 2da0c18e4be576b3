"""What is said to be set up stands in the project's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.checks.monitoring_setup import MonitoringSetup
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = MonitoringSetup()

TRACKING = "import sentry_sdk\nsentry_sdk.init()\n"
LOGGING = "import logging.config\nlogging.config.dictConfig({})\n"
ROUTE = "@app.get('/health/ready')\ndef ready(): ...\n"


def look(root: Path, **files: str) -> Result:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return the_result(MonitoringSetup(), a_subject(root), a_world())


def test_code_with_all_three_passes(tmp_path: Path) -> None:
    result = look(tmp_path, app=ROUTE, start=TRACKING + LOGGING)
    assert (result.status, result.measured) == (Status.PASS, 2)


@pytest.mark.reports("monitoring-setup/{rule}")
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("no-error-tracking", LOGGING + ROUTE),
        ("no-logging", TRACKING + ROUTE),
        ("no-health-route", TRACKING + LOGGING),
    ],
)
def test_each_that_is_missing_is_a_warning_of_its_own(tmp_path: Path, rule: str, text: str) -> None:
    result = look(tmp_path, app=text)
    assert (result.status, rules_of(result)) == (Status.WARN, [rule])


@pytest.mark.parametrize(
    "text",
    [
        "LOGGING = {}\n",
        "import logging\nlogging.basicConfig()\n",
        "import structlog\n",
        "from ci_ops.service.logs import setup_logging\n",
    ],
)
def test_each_way_to_configure_logging_is_seen(tmp_path: Path, text: str) -> None:
    assert "no-logging" not in rules_of(look(tmp_path, app=text))


@pytest.mark.parametrize(
    "text",
    [
        "path('healthz', view)\n",
        "path('health/', view)\n",
        "re_path('^health/$', view)\n",
        "app.route('/api/v1/health')(view)\n",
        "app.get('/up')(view)\n",
        "INSTALLED_APPS = ['health_check']\n",
        "from ci_ops.service import health_router\n",
    ],
)
def test_each_form_of_a_health_route_is_seen(tmp_path: Path, text: str) -> None:
    assert "no-health-route" not in rules_of(look(tmp_path, app=text))


@pytest.mark.parametrize(
    "text",
    [
        "x = 'the health of all'\n",
        "x = 'status'\n",
        "from ci_ops.service.logs import setup_logging\n",
        "x = '/healthy-food'\n",
    ],
)
def test_other_texts_are_no_health_route(tmp_path: Path, text: str) -> None:
    assert "no-health-route" in rules_of(look(tmp_path, app=text))


def test_tests_and_environments_do_not_count(tmp_path: Path) -> None:
    for folder in ("tests", ".venv", "node_modules"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "start.py").write_text(TRACKING + LOGGING + ROUTE)
    result = look(tmp_path, app="x = 1\n", test_app=TRACKING)
    assert rules_of(result) == ["no-error-tracking", "no-logging", "no-health-route"]
    assert result.measured == 1


@pytest.mark.reports("monitoring-setup/no-code")
@pytest.mark.parametrize("files", [{}, {"app": "def broken(:\n"}], ids=["no file", "no file that parses"])
def test_a_project_of_which_nothing_could_be_read_is_an_error(tmp_path: Path, files: dict[str, str]) -> None:
    result = look(tmp_path, **files)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-code"], 0)


def test_files_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    result = look(tmp_path, app=TRACKING + LOGGING + ROUTE, broken="def broken(:\n")
    assert (result.status, result.facts["unread"]) == (Status.PASS, 1)
    assert result.sentence.endswith("in 1 file; 1 could not be read.")


def test_it_applies_to_a_project_with_a_web_framework(tmp_path: Path) -> None:
    assert MonitoringSetup.detect(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("Flask>=3\n")
    assert MonitoringSetup.detect(tmp_path) == MonitoringSetup()
    (tmp_path / "requirements.txt").write_text("requests\n")
    assert MonitoringSetup.detect(tmp_path) is None
