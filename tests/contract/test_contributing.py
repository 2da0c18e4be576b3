"""CONTRIBUTING.md, followed literally in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.parts import ROOT
from tools.contributing import Chapter, chapters

CHAPTERS = {chapter.word: chapter for chapter in chapters()}
GENERATED = ("docs/reference.md", "docs/troubleshooting.md", "ci-ops.schema.json", "tests/golden/")
MAX_SCHEMA_LINES = 40
"""Of a plugin with one to three settings."""


def git(folder: Path, *arguments: str) -> list[str]:
    """Return what git prints, line by line."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the files of this one as they are now, and its tools under `.venv/bin`."""
    clone = tmp_path / "clone"
    for name in git(ROOT, "-c", "core.quotePath=off", "ls-files", "-co", "--exclude-standard"):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    git(clone, "init", "-q")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Copy")
    tools = clone / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, command in {"python": sys.executable, "pytest": f"{sys.executable} -m pytest"}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (tools / name).chmod(0o755)
    return clone


def follow(chapter: Chapter, clone: Path) -> None:
    """Write the files of a chapter and run its commands, each of which has to end with 0."""
    for name, text in chapter.files.items():
        assert not (clone / name).exists()
        (clone / name).write_text(text, encoding="utf-8")
    for command in chapter.commands:
        run(clone, command)


def run(clone: Path, command: str) -> None:
    """Run a command line in the clone; it has to end with 0."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTEST"))}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=clone,
        env=kept | {"PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


@pytest.mark.parametrize("word", CHAPTERS)
def test_a_chapter_ends_green_with_three_files_and_what_is_generated(word: str, clone: Path) -> None:
    chapter = CHAPTERS[word]
    follow(chapter, clone)
    changed = {line[3:] for line in git(clone, "status", "--porcelain", "-uall")}
    assert {name for name in changed if not name.startswith(GENERATED)} == set(chapter.files)
    files = " ".join(name for name in chapter.files if name.endswith(".py"))
    run(clone, f"ruff check {files} && ruff format --check {files}")
    assert [Path(name).parts[0] for name in chapter.files] == ["ci_ops", "tests", "changelog.d"]
    added, removed, _ = git(clone, "diff", "--numstat", "ci-ops.schema.json")[0].split("\t")
    assert 0 < int(added) - int(removed) <= MAX_SCHEMA_LINES


def test_there_is_a_chapter_for_each_kind_that_most_people_add() -> None:
    assert list(CHAPTERS) == ["check", "channel", "target"]
    assert all(chapter.commands for chapter in CHAPTERS.values())
