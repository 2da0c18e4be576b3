"""Applications that exist, with the changes of the kit's five minutes, as repositories of their own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import ci_ops
from tests.support.doc_examples import PAGES
from tests.support.parts import ROOT

EXISTING = ROOT / "tests" / "data" / "existing"
"""Applications with settings, a database and host checks of their own, and nothing of the kit."""
PAGE = (PAGES / "README.md").read_text(encoding="utf-8")
CHANGES = dict(re.findall(r"^```diff (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
ENV = {
    "PYTHONPATH": str(ROOT),
    "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7qW9eR1tY3u",
    "CI_OPS_DRAIN_SECONDS": "0.5",
    "CI_OPS_HEALTH_DETAILS": "loopback",
}


def changed(text: str, change: str) -> str:
    """The text with the lines that begin with a plus; the lines around them must stand there once."""
    for hunk in change.split("@@\n"):
        lines = [line or " " for line in hunk.splitlines()]
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] == " ")
        assert text.count(before) == 1, before
        text = text.replace(before, "".join(f"{line[1:]}\n" for line in lines))
    return text


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **ENV}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)


def git(folder: Path, words: str) -> str:
    done = run(folder, "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *shlex.split(words))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def existing_project(folder: Path, framework: str) -> Path:
    """Return the application as it was, with the changes of the page, committed and pushed."""
    project = folder / "project"
    shutil.copytree(EXISTING / framework, project, ignore=shutil.ignore_patterns("__pycache__"))
    for path, change in CHANGES.items():
        if path.startswith(f"{framework}/"):
            file = project / path.removeprefix(f"{framework}/")
            file.write_text(changed(file.read_text(), change))
    with (project / "requirements.txt").open("a") as file:
        file.write(f"ci-ops=={ci_ops.__version__}\n")
    (project / ".gitignore").write_text("__pycache__/\n*.db\n*.sqlite3\n.ci-ops/\n")
    git(folder, "init -q --bare origin.git")
    for words in ("init -q -b main", "add -A", "commit -q -m shop", "remote add origin ../origin.git"):
        git(project, words)
    git(project, "push -q -u origin main")
    if (project / "manage.py").exists():
        assert run(project, sys.executable, "manage.py", "migrate").returncode == 0
    return project
