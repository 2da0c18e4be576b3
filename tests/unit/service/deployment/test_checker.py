import asyncio
import os
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from ci_ops.service.deployment import checker_rules
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, results_of
from ci_ops.service.deployment.checker import DeploymentChecker, deployment_checker
from ci_ops.service.health.model import HealthStatus, Outcome
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.startup import StartupFailedError
from ci_ops.service.settings.configuration import ApplicationConfig, ConfigValidator, DatabaseConfig, Variable

KEY = "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1x"
NOTHING = ConfigValidator(env={})


def results(checker: DeploymentChecker) -> dict[str, CheckResult]:
    _, found = checker.run_all_checks_sync()
    return {one.name: one for one in found}


def a_checker(root: Path, config: ConfigValidator = NOTHING, **more: Any) -> DeploymentChecker:
    return DeploymentChecker(config, root=root, **{"env": {}, **more})


def test_a_fit_process_passes_and_says_what_was_looked_at(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "app.toml").write_text("a = 1\n")
    env = {"DATABASE_URL": postgres_url, "SECRET_KEY": KEY}
    checker = a_checker(tmp_path, ApplicationConfig(env=env), files=["app.toml"])

    all_pass, found = asyncio.run(checker.run_all_checks())

    assert all_pass is True
    assert [one.name for one in found] == [
        "environment",
        "configuration-files",
        "database",
        "dependencies",
        "security",
    ]
    assert {one.status for one in found[:4]} == {CheckStatus.PASS}
    summary = checker.get_summary()
    assert (summary["all_passed"], summary["total"], summary["failed"]) == (True, 5, 0)
    assert summary["environment"] == "production"
    assert [one["name"] for one in summary["checks"]] == [one.name for one in found]
    assert summary["seconds"] > 0


def test_every_check_runs_whatever_the_others_find_and_no_value_is_shown(
    tmp_path: Path, closed_port: int
) -> None:
    url = f"postgresql://shop:hunter2-hunter2@127.0.0.1:{closed_port}/shop"
    env = {"DATABASE_URL": url, "SECRET_KEY": "hunter2"}
    checker = a_checker(tmp_path, ApplicationConfig(env=env), files=["missing.json"], env={"DEBUG": "1"})
    checker.add("cache", lambda: 1 / 0)

    all_pass, found = checker.run_all_checks_sync()

    failed = [one.name for one in found if one.status is CheckStatus.FAIL]
    assert (all_pass, failed) == (
        False,
        ["environment", "configuration-files", "database", "security", "cache"],
    )
    assert found[-1].message == "ZeroDivisionError: division by zero"
    assert "hunter2" not in repr(found) + repr(checker.get_summary())
    assert checker.get_summary()["status"] == "fail"


def test_before_the_first_run_nothing_has_passed() -> None:
    summary = DeploymentChecker(NOTHING).get_summary()

    assert (summary["status"], summary["all_passed"], summary["total"]) == ("warn", False, 0)


def test_a_database_that_cannot_be_asked_is_a_warning_and_never_a_pass(tmp_path: Path) -> None:
    config = DatabaseConfig(schemes=(), env={"DATABASE_URL": "mysql://shop@db/shop"})

    assert results(a_checker(tmp_path, config))["database"].status is CheckStatus.WARN


def test_what_was_not_said_is_a_warning_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    unsaid, said = results(a_checker(tmp_path)), results(a_checker(tmp_path, files=(), database=False))

    for name, advice in (
        ("database", "give the checker `database=`"),
        ("configuration-files", "`files=[…]`"),
    ):
        assert unsaid[name].status is CheckStatus.WARN
        assert unsaid[name].message.startswith("not checked: ")
        assert advice in unsaid[name].message
        assert name not in said


def test_a_check_of_ones_own_database_takes_the_place_of_the_built_in(tmp_path: Path) -> None:
    checker = a_checker(tmp_path, database=lambda: Outcome(status=HealthStatus.DEGRADED, message="slow"))

    assert (results(checker)["database"].status, results(checker)["database"].message) == (
        CheckStatus.WARN,
        "slow",
    )


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("app.json", "{", "it cannot be read as what its name says"),
        ("app.json", "[" * 100_000, "it cannot be read as what its name says"),
        ("app.toml", "a =", "it cannot be read as what its name says"),
        ("app.ini", "no section", "it cannot be read as what its name says"),
        ("app.yaml", "  \n", "it is empty"),
        ("app.txt", "\udcff", "it cannot be read as what its name says"),
        ("app.json", None, "No such file or directory"),
    ],
)
def test_a_configuration_file_that_cannot_be_used_fails(
    tmp_path: Path, name: str, content: str | None, fault: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, errors="surrogateescape")

    found = results(a_checker(tmp_path, files=[name]))["configuration-files"]

    assert (found.status, found.message) == (CheckStatus.FAIL, f"{name}: {fault}")


def test_requirements_are_compared_with_what_is_installed(tmp_path: Path) -> None:
    version = metadata.version("pytest")
    (tmp_path / "requirements.txt").write_text(
        f"pytest=={version}\nno-such-package\npytest<1\nanother-one; sys_platform == 'os9'\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname='shop'\ndependencies=['pytest>=1', 'not-here>=2']\n"
        "[project.optional-dependencies]\ndev=['never-asked']\n"
    )

    found = results(a_checker(tmp_path))["dependencies"]

    assert found.details["failures"] == [
        "not-here is not installed, and pyproject.toml asks for it",
        "no-such-package is not installed, and requirements.txt asks for it",
        f"pytest {version} is installed, and requirements.txt asks for <1",
    ]


def test_requirements_that_cannot_be_read_fail(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project")

    found = results(a_checker(tmp_path))["dependencies"]

    assert (found.status, found.message) == (
        CheckStatus.FAIL,
        "the requirements cannot be read: TOMLDecodeError",
    )


def test_packages_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    package = tmp_path / "site" / "shop-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\nRequires-Dist: nowhere-to-be-found>=2\n"
        "Requires-Dist: fast; extra == 'speed'\n"
    )
    program = (
        "from pathlib import Path\nfrom ci_ops.service.deployment.checker_rules import dependencies\n"
        f"print(dependencies(Path({str(tmp_path)!r})).message)"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout == "nowhere-to-be-found is not installed, and shop asks for it\n"


@pytest.mark.parametrize(("environment", "is_refused"), [("prod", True), ("staging", False)])
def test_a_debug_switch_is_refused_in_production(tmp_path: Path, environment: str, is_refused: bool) -> None:
    checker = a_checker(tmp_path, env={"FLASK_DEBUG": "1"}, environment=environment)

    assert ("FLASK_DEBUG must not be set" in results(checker)["security"].message) is is_refused


def test_a_debug_switch_that_is_off_and_a_root_process_are_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = checker_rules.security(NOTHING.reading, {"DEBUG": "false"}, "production")

    assert found.details == {
        "failures": [],
        "warnings": ["DEBUG must not be set in production", "the process runs as root"],
    }


def test_placeholders_fail_in_production_and_warn_elsewhere(tmp_path: Path) -> None:
    config = ConfigValidator(Variable("MAIL_PASS", secret=True), env={"MAIL_PASS": "changeme"})

    for environment, status in (("production", CheckStatus.FAIL), ("staging", CheckStatus.WARN)):
        found = results(a_checker(tmp_path, config, environment=environment))["security"]
        assert found.status is status
        assert "MAIL_PASS still has a placeholder for its value" in found.message


@pytest.mark.parametrize(
    ("env", "environment"),
    [
        ({}, "production"),
        ({"APP_ENV": "dev"}, "development"),
        ({"ENVIRONMENT": "Staging", "APP_ENV": "prod"}, "staging"),
        ({"DEPLOYMENT_ENVIRONMENT": "prod"}, "production"),
    ],
)
def test_the_environment_is_known_from_usual_variables(env: dict[str, str], environment: str) -> None:
    assert DeploymentChecker(NOTHING, env=env).get_summary()["environment"] == environment


def test_more_problems_than_can_be_read_are_counted() -> None:
    found = checker_rules.verdict("x", [f"problem {index}" for index in range(14)], [], good="")

    assert found.message.endswith("problem 9 (and 4 more)")
    assert len(found.details["failures"]) == 14


def test_django_s_own_deployment_checks_are_asked_where_django_is_loaded(tmp_path: Path) -> None:
    program = (
        "from django.conf import settings\n"
        "settings.configure(SECRET_KEY='short', DEBUG=True, ALLOWED_HOSTS=[], "
        "MIDDLEWARE=['django.middleware.security.SecurityMiddleware'])\n"
        "from ci_ops.service.deployment.checker_rules import security\n"
        "from ci_ops.service.settings.validator import ConfigValidator\n"
        "for environment in ('production', 'staging'):\n"
        "    found = security(ConfigValidator(env={}).reading, {}, environment)\n"
        "    print(any('security.W009' in one for one in found.details.get('warnings', [])))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stderr, done.stdout) == ("", "True\nFalse\n")


def test_added_checks_may_be_async_answer_with_results_and_be_optional(tmp_path: Path) -> None:
    checker = a_checker(tmp_path)
    migrations = [
        CheckResult(name="migrations-heads", status=CheckStatus.PASS),
        CheckResult(name="migrations-pending", status=CheckStatus.FAIL),
    ]

    async def mail() -> bool:
        return False

    checker.add("migrations", lambda: (False, migrations), required=False)
    checker.add("mail", mail)
    checker.add("queue", lambda: Outcome(value=3, unit="jobs"))

    found = results(checker)

    assert found["migrations-pending"].status is CheckStatus.WARN
    assert found["mail"].status is CheckStatus.FAIL
    assert found["queue"].details == {"value": 3, "unit": "jobs"}


def test_on_an_event_loop_synchronous_checks_run_on_a_thread(tmp_path: Path) -> None:
    checker = a_checker(tmp_path)
    threads = []
    checker.add("thread", lambda: threads.append(threading.current_thread()))

    async def run() -> None:
        with pytest.raises(RuntimeError, match="await run_all_checks"):
            checker.run_all_checks_sync()
        await checker.run_all_checks()

    asyncio.run(run())

    assert threads[0] is not threading.main_thread()


def test_an_answer_that_is_no_verdict_is_a_failure() -> None:
    (found,) = results_of("odd", object())

    assert found.status is CheckStatus.FAIL
    assert results_of("odd", [])[0].status is CheckStatus.FAIL


def test_a_start_is_stopped_by_checks_that_fail(tmp_path: Path) -> None:
    checker = a_checker(tmp_path, ConfigValidator(Variable("SHOP_NAME"), env={}))
    for start in ("async", "sync"):
        life = ApplicationLifecycle(HealthCheckService())
        life.add_startup_check("deployment", checker.run_all_checks)
        with pytest.raises(StartupFailedError, match="deployment"):
            asyncio.run(life.on_startup()) if start == "async" else life.start()
        assert "environment: SHOP_NAME is not set" in life.startup_results["deployment"].message


def test_the_ready_made_instance_looks_at_the_ready_made_configuration() -> None:
    assert "DATABASE_URL" in {each.name for each in deployment_checker.config.contract.variables}
