"""A release names itself exactly, is never changed, and takes the major tag along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.action_files import OURS
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COPIED = (
    "README.md",
    "zizmor.yml",
    "docs",
    ".github",
    "templates",
    "pyproject.toml",
    "CHANGELOG.md",
    "tools",
)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a repository with our files and a version of its own, and its bare origin."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "ci_ops").mkdir()
    become(folder, "1.2.3")
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Everything")
    git(folder, "push", "--quiet", "origin", "main")
    return folder


def become(folder: Path, version: str) -> None:
    """Have the files speak of that version."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = next(line for line in project.splitlines() if line.startswith("version = "))
    (folder / "pyproject.toml").write_text(
        project.replace(declared, f'version = "{version}"'), encoding="utf-8"
    )
    (folder / "ci_ops" / "__init__.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    log = f"# Changelog\n\n## Unreleased\n\n## {version} — 2026-11-30\n\n- It works.\n\n## 0.1.0\n\n- A start.\n"
    (folder / "CHANGELOG.md").write_text(log, encoding="utf-8")


def release(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script of that checkout."""
    return subprocess.run(
        [sys.executable, folder / "tools" / "release.py", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "RELEASE_TOKEN"},
        capture_output=True,
        text=True,
        check=False,
    )


def references(folder: Path) -> set[tuple[str, str]]:
    """Repository and version of every reference to ourselves."""
    files = [*folder.glob("*.md"), *folder.glob(".github/workflows/*.yml"), *folder.glob("templates/**/*")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file() and path.suffix != ".pyc"]
    return {(each["repository"], each["ref"]) for text in texts for each in OURS.finditer(text)}


def test_a_release_names_the_real_repository_and_its_exact_version_everywhere(checkout: Path) -> None:
    assert references(checkout) == {("org/ci-ops", "v1")}
    done = release(checkout, "write", "v1.2.3", "acme/ci-ops")
    assert done.returncode == 0, done.stderr
    assert references(checkout) == {("acme/ci-ops", "v1.2.3")}
    assert set(done.stdout.split()) == set(git(checkout, "diff", "--name-only").split())
    assert "acme/ci-ops/*: ref-pin" in (checkout / "zizmor.yml").read_text()
    readme = (checkout / "README.md").read_text()
    assert "](https://github.com/acme/ci-ops/blob/v1.2.3/docs/service/README.md)" in readme
    assert "](docs/" not in readme
    assert "](#" in readme
    assert "/acme/ci-ops/v1.2.3/" in (checkout / "templates" / "config" / "ci-ops.yml.j2").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("1.2.3", "acme/ci-ops"), "'1.2.3' is not of the form v1.2.3"),
        (("v1.2.4", "acme/ci-ops"), "pyproject.toml says 1.2.3, the tag says 1.2.4"),
        (("v1.2.3", "acme/other"), "'acme/other' is not the name of a repository called ci-ops"),
        (("v1.2.3", ""), "'' is not the name of a repository called ci-ops"),
    ],
)
def test_a_release_that_contradicts_itself_is_not_made(
    checkout: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = release(checkout, "write", *arguments)
    assert (done.returncode, done.stderr) == (1, f"error: {sentence}\n")
    assert git(checkout, "status", "--porcelain") == ""


def test_a_release_whose_module_or_changelog_lags_behind_is_not_made(checkout: Path) -> None:
    (checkout / "ci_ops" / "__init__.py").write_text('__version__ = "1.2.2"\n')
    assert (
        release(checkout, "write", "v1.2.3", "acme/ci-ops").stderr
        == "error: ci_ops.__version__ is not 1.2.3\n"
    )
    become(checkout, "1.2.3")
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- It works.\n")
    done = release(checkout, "write", "v1.2.3", "acme/ci-ops")
    assert done.stderr == "error: CHANGELOG.md has no section for 1.2.3\n"


def test_the_notes_are_the_versions_own_section(checkout: Path) -> None:
    assert release(checkout, "notes", "v1.2.3").stdout == "- It works.\n"


def test_a_release_is_written_once(checkout: Path) -> None:
    assert release(checkout, "write", "v1.2.3", "acme/ci-ops").returncode == 0
    done = release(checkout, "write", "v1.2.3", "acme/ci-ops")
    assert done.stderr == "error: there is no reference to write; is this commit a release already?\n"


def make(checkout: Path, version: str) -> str:
    """Release a version from main; the commit its tag is on."""
    git(checkout, "checkout", "--quiet", "--force", "main")
    become(checkout, version)
    git(checkout, "commit", "--quiet", "--all", "--allow-empty", "--message", version)
    assert release(checkout, "write", f"v{version}", "acme/ci-ops").returncode == 0
    git(checkout, "checkout", "--quiet", "--detach")
    done = release(checkout, "tag", f"v{version}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def remote(checkout: Path, name: str) -> str:
    """The commit that a tag of the origin is on."""
    return git(checkout.parent / "origin.git", "rev-parse", f"{name}^{{commit}}")


def test_the_tag_is_on_a_commit_of_its_own_and_no_branch_moves(checkout: Path) -> None:
    main = remote(checkout, "main")
    commit = make(checkout, "1.2.3")
    assert remote(checkout, "v1.2.3") == commit
    assert remote(checkout, "main") == main
    assert "acme/ci-ops/actions/verify@v1.2.3" in git(checkout, "show", "v1.2.3:README.md")
    done = release(checkout, "tag", "v1.2.3")
    assert done.stderr == "error: v1.2.3 is there already; a released version never changes\n"


def test_the_major_tag_follows_the_newest_release_and_never_goes_back(checkout: Path) -> None:
    first = make(checkout, "1.2.3")
    assert release(checkout, "move", "v1.2.3").stdout == "v1 is v1.2.3 now.\n"
    assert remote(checkout, "v1") == first

    newer = make(checkout, "1.10.0")
    assert release(checkout, "move", "v1.10.0").stdout == "v1 is v1.10.0 now.\n"
    make(checkout, "1.9.9")
    assert release(checkout, "move", "v1.9.9").stdout == "v1 stays on v1.10.0, which is newer than v1.9.9.\n"
    assert remote(checkout, "v1") == newer
    assert release(checkout, "move", "v1.11.0").stderr == "error: v1.11.0 is not released\n"


def test_the_token_reaches_git_through_its_environment_alone(checkout: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/argv\nenv | grep ^GIT_CONFIG_ >{tmp_path}/env\n')
    program.chmod(0o755)
    subprocess.run(
        [sys.executable, checkout / "tools" / "release.py", "tag", "v1.2.3"],
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "RELEASE_TOKEN": "s3cret-s3cret"},
        check=True,
        capture_output=True,
    )
    argv, env = (tmp_path / "argv").read_text(), (tmp_path / "env").read_text()
    assert "push --quiet origin refs/tags/v1.2.3" in argv
    assert "s3cret" not in argv
    assert "eC1hY2Nlc3MtdG9rZW46czNjcmV0LXMzY3JldA==" in env
