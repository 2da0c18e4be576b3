from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops.core.health.status import Status
from tests.support.checking import rules_of
from tests.support.lock_samples import copied, edit, look

UV = str(Path(sys.executable).with_name("uv"))
SAME = {
    "nothing": [],
    "blanks and order of a specifier": [(">=2.30,!=2.31.0", "!= 2.31.0, >= 2.30")],
    "another spelling of a name": [("iniconfig>=1.1", "IniConfig >= 1.1")],
    "another spelling of a marker": [("python_version < '3.13'", "python_version<'3.13'")],
    "a marker that says the same": [("python_version < '3.13'", "python_full_version < '3.13.0'")],
    "another table": [("[dependency-groups]", "[tool.ruff]\nline-length = 90\n[dependency-groups]")],
    "an included group written out": [('{include-group = "base"}', '"toml==0.10.2"')],
    "an extra of the project in its own extra": [("itsdangerous>=2", "itsdangerous>=2")],
}
OTHER = {
    "another specifier that the version still fits": [("iniconfig>=1.1", "iniconfig>=1.0")],
    "a newer version": [("iniconfig>=1.1", "iniconfig>=99")],
    "a dependency more": [('"iniconfig>=1.1"', '"iniconfig>=1.1", "httpx"')],
    "a dependency less": [('"iniconfig>=1.1", ', "")],
    "another extra": [("requests[socks]", "requests")],
    "another marker": [("python_version < '3.13'", "python_version < '3.12'")],
    "no marker": [("; python_version < '3.13'", "")],
    "another system": [("'win32'", "'darwin'")],
    "another extra's dependency": [("itsdangerous>=2", "itsdangerous>=1")],
    "an extra less": [('web = ["itsdangerous>=2"]', "")],
    "a group's dependency": [("packaging>=24", "packaging>=23")],
    "a group less": [('base = ["toml==0.10.2"]', ""), (', {include-group = "base"}', "")],
    "an included group less": [(', {include-group = "base"}', "")],
    "another Python": [(">=3.11,<4", ">=3.12,<4")],
    "the project's version": [('version = "1"', 'version = "2"')],
    "a source": [("[dependency-groups]", '[tool.uv.sources]\niniconfig = {path = "x"}\n[dependency-groups]')],
    "a constraint": [
        ("[dependency-groups]", '[tool.uv]\nconstraint-dependencies = ["six<2"]\n[dependency-groups]')
    ],
    "an override": [
        ("[dependency-groups]", '[tool.uv]\noverride-dependencies = ["six<2"]\n[dependency-groups]')
    ],
}


def accepted_by_uv(root: Path) -> bool:
    """Whether uv itself takes the lock for up to date, without a network."""
    index = "https://index.example.invalid/simple"
    command = [UV, "lock", "--check", "--offline", "--default-index", index, "--python", sys.executable]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("name", SAME)
def test_a_lock_that_uv_takes_for_up_to_date_passes(tmp_path: Path, name: str) -> None:
    root = copied("uv", tmp_path)
    edit(root / "pyproject.toml", SAME[name])
    assert accepted_by_uv(root)
    result = look(root)
    assert (result.status, result.findings) == (Status.PASS, ())


@pytest.mark.parametrize("name", OTHER)
def test_a_lock_that_uv_refuses_fails(tmp_path: Path, name: str) -> None:
    root = copied("uv", tmp_path)
    edit(root / "pyproject.toml", OTHER[name])
    assert not accepted_by_uv(root)
    result = look(root)
    assert result.status is Status.FAIL
    assert set(rules_of(result)) <= {"not-locked", "other-version", "out-of-step", "other-python"}


def test_what_has_changed_is_named_once_each(tmp_path: Path) -> None:
    root = copied("uv", tmp_path)
    changes = [("iniconfig>=1.1", "iniconfig>=99"), ("requests[socks]>=2.30,!=2.31.0", "httpx")]
    edit(root / "pyproject.toml", changes)
    result = look(root)
    assert [(each.rule, each.subject) for each in result.findings] == [
        ("lockfile/other-version", "iniconfig"),
        ("lockfile/not-locked", "httpx"),
        ("lockfile/out-of-step", "requests"),
    ]
    assert (
        result.findings[2].sentence == "uv.lock was made with requests, which the project no longer requires."
    )
    assert result.findings[0].advice == "Run `uv lock` and commit uv.lock."


@pytest.mark.reports("lockfile/other-python")
def test_other_versions_of_python_are_told_with_both_ranges(tmp_path: Path) -> None:
    root = copied("uv", tmp_path)
    edit(root / "pyproject.toml", [(">=3.11,<4", ">=3.12")])
    (finding,) = look(root).findings
    assert (finding.rule, finding.expected, finding.observed) == (
        "lockfile/other-python",
        ">=3.12",
        ">=3.11, <4",
    )


def test_every_member_counts_at_the_root_of_a_workspace(tmp_path: Path) -> None:
    root = copied("uv-workspace", tmp_path)
    assert accepted_by_uv(root)
    result = look(root)
    assert (result.status, result.measured) == (Status.PASS, 5)
    edit(root / "services/api/pyproject.toml", [('"idna"', '"idna", "httpx"')])
    finding = look(root).findings[0]
    assert (finding.subject, str(finding.location)) == ("httpx", "services/api/pyproject.toml:5")
    edit(root / "pyproject.toml", [("toml==", "tomli==")])
    assert not accepted_by_uv(root)
    assert {each.subject for each in look(root).findings} == {"httpx", "toml", "tomli"}


def test_a_member_is_held_against_the_lock_of_its_workspace(tmp_path: Path) -> None:
    root = copied("uv-workspace", tmp_path)
    (root / ".git").mkdir()
    member = root / "services" / "api"
    result = look(member)
    assert (result.status, result.facts["locks"]) == (Status.PASS, ["../../uv.lock"])
    edit(member / "pyproject.toml", [("iniconfig>=1.1", "iniconfig>=1.2")])
    assert rules_of(look(member)) == ["out-of-step"]
    edit(member / "pyproject.toml", [('requires-python = ">=3.11"', 'requires-python = ">=3.12"')])
    assert rules_of(look(member)) == ["other-python", "out-of-step"]


def test_a_member_that_the_lock_does_not_have_is_named(tmp_path: Path) -> None:
    root = copied("uv-workspace", tmp_path)
    (root / "services" / "new").mkdir()
    (root / "services" / "new" / "pyproject.toml").write_text('[project]\nname = "new"\nversion = "1"\n')
    assert not accepted_by_uv(root)
    (finding,) = look(root).findings
    assert (finding.rule, finding.subject) == ("lockfile/out-of-step", "new")


@pytest.mark.parametrize("change", ['exclude = ["services/api"]', 'members = ["libs/*"]'])
def test_a_lock_above_that_does_not_have_the_project_as_a_member_is_not_its_own(
    tmp_path: Path, change: str
) -> None:
    root = copied("uv-workspace", tmp_path)
    (root / ".git").mkdir()
    members = 'members = ["services/*", "libs/*"]'
    kept = "" if change.startswith("members") else f"{members}\n"
    edit(root / "pyproject.toml", [(members, f"{kept}{change}")])
    assert rules_of(look(root / "services" / "api")) == ["no-lock"]


def test_dependencies_that_the_build_writes_are_not_compared(tmp_path: Path) -> None:
    root = copied("uv-workspace", tmp_path)
    edit(root / "libs/core/pyproject.toml", [('dependencies = ["six>=1.16"]', 'dynamic = ["dependencies"]')])
    assert look(root).status is Status.PASS


def test_a_member_pattern_that_leads_out_of_the_workspace_matches_nothing(tmp_path: Path) -> None:
    root = copied("uv-workspace", tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "pyproject.toml").write_text(
        '[project]\nname = "outside"\ndependencies = ["x"]\n'
    )
    edit(root / "pyproject.toml", [('"libs/*"', '"libs/*", "../outside"')])
    assert look(root).status is Status.PASS
