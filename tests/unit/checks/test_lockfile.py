from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops.checks.lockfile import Lockfile
from ci_ops.core.health.status import Status
from ci_ops.core.result import Location, Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = Lockfile()

PYPROJECT = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["requests>=2.32", "click>=8; sys_platform == 'win32'"]
[project.optional-dependencies]
web = ["flask>=3"]
"""
UV = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "requests"
version = "2.32.4"

[[package]]
name = "flask"
version = "3.1.0"

[[package]]
name = "shop"
version = "1"
source = { editable = "." }

[package.metadata]
requires-dist = [
    { name = "requests", specifier = ">=2.32" },
    { name = "flask", marker = "extra == 'web'", specifier = ">=3" },
    { name = "click", marker = "sys_platform == 'win32'", specifier = ">=8" },
]
"""


def look(root: Path, **settings: str) -> Result:
    return the_result(Lockfile(**settings), a_subject(root), a_world())


def project(root: Path, **files: str) -> Path:
    names = {"pyproject": "pyproject.toml", "uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock"}
    names |= {"pylock": "pylock.toml", "txt": "requirements.txt", "source": "requirements.in"}
    for key, text in files.items():
        (root / names[key]).write_text(text)
    return root


def test_a_lock_that_holds_every_dependency_passes(tmp_path: Path) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT, uv=UV))
    assert result.status is Status.PASS
    assert result.measured == 3
    assert result.sentence == "uv.lock: 3 of 3 dependencies are locked."


@pytest.mark.reports("lockfile/not-locked")
def test_a_dependency_that_is_not_locked_is_named_with_its_line(tmp_path: Path) -> None:
    text = PYPROJECT.replace('"requests>=2.32",', '"requests>=2.32",\n  "httpx",')
    result = look(project(tmp_path, pyproject=text, uv=UV))
    assert rules_of(result) == ["not-locked"]
    assert result.status is Status.FAIL
    assert result.findings[0].subject == "httpx"
    assert result.findings[0].location == Location(file="pyproject.toml", line=6)


def test_a_locked_version_outside_the_specifier_fails(tmp_path: Path) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT.replace(">=2.32", ">=3"), uv=UV))
    assert rules_of(result) == ["other-version"]
    assert result.findings[0].observed == "2.32.4"
    assert result.findings[0].expected == "requests >=3"


@pytest.mark.reports("lockfile/out-of-step")
def test_a_lock_made_from_an_earlier_specifier_is_out_of_step(tmp_path: Path) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT.replace(">=2.32", ">=2.31"), uv=UV))
    assert rules_of(result) == ["out-of-step"]
    assert (result.findings[0].expected, result.findings[0].observed) == ("requests>=2.31", "requests>=2.32")


@pytest.mark.reports("lockfile/no-lock")
def test_dependencies_without_a_lock_fail(tmp_path: Path) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT))
    assert (rules_of(result), result.status) == (["no-lock"], Status.FAIL)
    assert "pyproject.toml names 3 dependencies" in result.sentence


def test_a_project_that_names_no_dependencies_is_skipped_and_not_detected(tmp_path: Path) -> None:
    project(tmp_path, pyproject="[tool.ruff]\nline-length = 100\n")
    result = look(tmp_path)
    assert (result.status, result.measured) == (Status.SKIP, 0)
    assert Lockfile.detect(tmp_path) is None


@pytest.mark.parametrize(
    ("lock", "text", "missing"),
    [
        (
            "poetry",
            '[[package]]\nname = "requests"\nversion = "2.32.4"\n[metadata]\nlock-version = "2.1"\n',
            ["flask"],
        ),
        ("pdm", '[metadata]\ngroups = ["default"]\n[[package]]\nname = "Requests"\nversion = "2.32.4"\n', []),
        (
            "pdm",
            '[metadata]\ngroups = ["default", "Web"]\n[[package]]\nname = "requests"\nversion = "2.33"\n',
            ["flask"],
        ),
        ("pylock", 'lock-version = "1.0"\n[[packages]]\nname = "requests"\nversion = "2.32.4"\n', []),
        ("pylock", 'lock-version = "1.0"\nextras = ["web"]\n[[packages]]\nname = "requests"\n', ["flask"]),
        ("txt", "requests==2.32.4\n", []),
    ],
)
def test_each_kind_of_lock_is_held_against_what_it_covers(
    tmp_path: Path, lock: str, text: str, missing: list[str]
) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT, **{lock: text}))
    found = [finding.subject for finding in result.findings if finding.rule == "lockfile/not-locked"]
    assert found == missing


@pytest.mark.reports("lockfile/unpinned")
def test_every_line_of_requirements_txt_has_to_be_pinned_where_it_is_the_lock(tmp_path: Path) -> None:
    result = look(project(tmp_path, txt="django==5.2\nrequests>=2\nredis\n"))
    assert rules_of(result) == ["unpinned", "unpinned"]
    assert [str(finding.location) for finding in result.findings] == [
        "requirements.txt:2",
        "requirements.txt:3",
    ]
    assert result.measured == 3


def test_requirements_in_has_to_be_in_step_with_requirements_txt(tmp_path: Path) -> None:
    result = look(project(tmp_path, source="django\nredis\ngit+https://host/x\n", txt="django==5.2\n"))
    assert [(finding.rule, str(finding.location)) for finding in result.findings] == [
        ("lockfile/not-locked", "requirements.in:2")
    ]


def test_a_named_lock_file_is_the_only_one_that_is_read(tmp_path: Path) -> None:
    project(tmp_path, pyproject=PYPROJECT, uv=UV, txt="requests==2.32.4\n")
    assert look(tmp_path, file="requirements.txt").facts["locks"] == ["requirements.txt"]
    (tmp_path / "pylock.prod.toml").write_text('lock-version = "1.0"\nenvironments = []\npackages = []\n')
    assert rules_of(look(tmp_path, file="pylock.prod.toml")) == ["not-locked"]


@pytest.mark.reports("lockfile/one-environment")
def test_a_lock_without_environments_warns_of_dependencies_with_a_marker_that_it_lacks(
    tmp_path: Path,
) -> None:
    lock = 'lock-version = "1.0"\ncreated-by = "pip"\n[[packages]]\nname = "requests"\nversion = "2.32.4"\n'
    result = look(project(tmp_path, pyproject=PYPROJECT, pylock=lock))
    assert result.status is Status.WARN
    (finding,) = result.findings
    assert (finding.rule, finding.observed) == ("lockfile/one-environment", "neither, and no entry for click")
    named = lock.replace("created-by", 'requires-python = ">=3.11"\ncreated-by')
    assert look(project(tmp_path, pylock=named)).status is Status.PASS
    click = '[[packages]]\nname = "click"\nversion = "8.5.1"\n'
    assert look(project(tmp_path, pylock=lock + click)).status is Status.PASS


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject": "[project", "uv": UV},
        {"pyproject": PYPROJECT, "uv": "not toml ="},
        {"pyproject": PYPROJECT, "uv": "[other]\n"},
        {"pyproject": PYPROJECT, "uv": "version = 1\npackage = 3\n"},
        {"pyproject": PYPROJECT, "uv": "version = 2\n"},
        {"pyproject": PYPROJECT, "poetry": '[metadata]\nlock-version = "3.0"\n'},
        {"pyproject": PYPROJECT, "pdm": '[metadata]\nlock_version = "5.0"\n'},
        {"pyproject": PYPROJECT, "pylock": 'lock-version = "2.0"\n'},
        {"source": "=broken=\n", "txt": "x==1\n"},
        {"pyproject": "a = " + "[" * 100_000, "uv": UV},
        {"txt": "-r nowhere.txt\n"},
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_and_no_pass(tmp_path: Path, files: dict[str, str]) -> None:
    result = look(project(tmp_path, **files))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unreadable"], 0)
    assert Lockfile.detect(tmp_path) is not None


@pytest.mark.reports("lockfile/unreadable")
def test_a_named_lock_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    result = look(project(tmp_path, pyproject=PYPROJECT), file="uv.lock")
    assert result.status is Status.ERROR
    assert "(uv.lock)" in result.sentence


def test_it_applies_where_a_file_names_dependencies(tmp_path: Path) -> None:
    assert Lockfile.detect(tmp_path) is None
    assert Lockfile.detect(project(tmp_path, txt="django\n")) == Lockfile()


@pytest.mark.reports("lockfile/other-version")
def test_a_lock_that_uv_itself_makes_is_understood(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "pyproject.toml").write_text('[project]\nname = "lib"\nversion = "1.2"\n')
    project(
        tmp_path,
        pyproject='[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["lib>=1"]\n'
        '[tool.uv.sources]\nlib = {path = "lib"}\n',
    )
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "lock", "--offline", "--quiet"], cwd=tmp_path, check=True, capture_output=True)
    result = look(tmp_path)
    assert (result.status, result.measured) == (Status.PASS, 1)
    text = (tmp_path / "pyproject.toml").read_text().replace("lib>=1", "lib>=2")
    (tmp_path / "pyproject.toml").write_text(text)
    assert rules_of(look(tmp_path)) == ["other-version"]
