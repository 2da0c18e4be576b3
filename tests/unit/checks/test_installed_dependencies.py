"""What is said to be installed was found, and imported, by the project's own Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.installed_dependencies import InstalledDependencies
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location, Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = InstalledDependencies(python=sys.executable)


def check(root: Path, **settings: Any) -> Result:
    return the_result(InstalledDependencies(**settings), a_subject(root), a_world())


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with a few distributions, as an installer leaves them."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    install(site, "good", "1.5", good="x = 1\n")
    install(site, "Two.Words", "2.0", twowords="x = 1\n", broken_extra="import nothing_of_that_name\n")
    install(site, "broken", "1.0", broken="import nothing_of_that_name\n")
    install(site, "exits", "1.0", exits="raise SystemExit(0)\n")
    install(site, "dies", "1.0", dies="import os\nos._exit(0)\n")
    install(site, "types-only", "1.0")
    return folder / "bin" / "python"


def install(site: Path, name: str, version: str, **modules: str) -> None:
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("".join(f"{module}.py,,\n" for module in modules))


def asking(root: Path, *lines: str) -> Path:
    (root / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    return root


def test_what_is_installed_and_can_be_imported_passes(tmp_path: Path, environment: Path) -> None:
    asking(tmp_path, "good>=1,<2", "two_words==2.0", "types-only", "absent; sys_platform == 'plan9'")
    result = check(tmp_path, python=str(environment))
    assert (result.status, result.measured) == (Status.PASS, 4)


@pytest.mark.reports("installed-dependencies/unmet")
def test_what_is_missing_or_of_another_version_fails_at_its_line(tmp_path: Path, environment: Path) -> None:
    result = check(asking(tmp_path, "good>=2", "absent"), python=str(environment))
    assert (result.status, rules_of(result)) == (Status.FAIL, ["unmet", "unmet"])
    assert [each.location for each in result.findings] == [
        Location(file="requirements.txt", line=1),
        Location(file="requirements.txt", line=2),
    ]
    assert [each.observed for each in result.findings] == ["1.5", "not installed"]


def test_extras_and_groups_need_not_be_installed(tmp_path: Path, environment: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "shop"\ndependencies = ["good"]\n[project.optional-dependencies]\nx = ["absent"]\n'
        '[dependency-groups]\ndev = ["missing"]\n'
    )
    result = check(tmp_path, python=str(environment))
    assert (result.status, result.measured) == (Status.PASS, 1)


@pytest.mark.reports("installed-dependencies/not-importable")
@pytest.mark.parametrize(
    ("name", "words"), [("broken", "nothing_of_that_name"), ("exits", "SystemExit"), ("dies", "exit code 0")]
)
def test_what_cannot_be_imported_fails(tmp_path: Path, environment: Path, name: str, words: str) -> None:
    result = check(asking(tmp_path, "good", name), python=str(environment))
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["not-importable"], 2)
    assert (result.findings[0].subject, words in result.findings[0].observed) == (name, True)


@pytest.mark.reports("installed-dependencies/not-importable")
def test_what_comes_after_a_module_that_ends_python_is_not_said_to_be_fine(
    tmp_path: Path, environment: Path
) -> None:
    result = check(asking(tmp_path, "dies", "good"), python=str(environment))
    assert [each.subject for each in result.findings] == ["dies", "good"]


def test_a_module_of_the_checkout_does_not_stand_in(tmp_path: Path, environment: Path) -> None:
    (tmp_path / "broken.py").write_text("x = 1\n")
    assert rules_of(check(asking(tmp_path, "broken"), python=str(environment))) == ["not-importable"]


@pytest.mark.reports("installed-dependencies/not-run")
def test_a_python_that_does_not_run_is_an_error(tmp_path: Path, environment: Path) -> None:
    asking(tmp_path, "good")
    for settings in ({"python": "/nonexistent/python"}, {"python": "/bin/true"}):
        result = check(tmp_path, **settings)
        assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-run"], 0)


@pytest.mark.reports("installed-dependencies/unreadable")
@pytest.mark.parametrize(
    ("file", "text"), [("pyproject.toml", "[project"), ("requirements.txt", "-r absent.txt\n")]
)
def test_files_that_cannot_be_read_are_an_error(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    result = check(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)


def test_a_project_without_dependencies_is_skipped(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert (result.status, result.measured) == (Status.SKIP, 0)


def test_it_applies_where_an_environment_lies_beside_what_is_declared(tmp_path: Path) -> None:
    asking(tmp_path, "good")
    assert InstalledDependencies.detect(tmp_path) is None
    (tmp_path / ".venv").mkdir()
    assert InstalledDependencies.detect(tmp_path) == InstalledDependencies()
    asking(tmp_path)
    assert InstalledDependencies.detect(tmp_path) is None
