"""The files at the top of the repository do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from tests.support.parts import ROOT, require


def instructions(name: str) -> list[list[str]]:
    """The words of every such instruction of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.startswith(name + " ")]


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    done = subprocess.run(
        [require("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_the_image_is_pinned_and_does_not_run_as_root() -> None:
    images = [words[0] for words in instructions("FROM")]
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]+", image) for image in images)
    (user,) = instructions("USER")
    assert user == ["10001:10001"]


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = {word for words in instructions("COPY") if not words[0].startswith("--") for word in words[:-1]}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


def test_shellcheck_has_nothing_to_say_about_the_ci_script() -> None:
    done = subprocess.run(
        [require("shellcheck"), ROOT / ".ci" / "run"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_ci_script_can_be_run_as_it_is() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in (ROOT / ".ci" / "run").read_text()


def make(folder: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """Our Makefile in a folder of its own."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False
    )


def test_make_without_a_target_says_what_there_is(tmp_path: Path) -> None:
    done = make(tmp_path, path=os.environ["PATH"])
    assert done.returncode == 0
    for target in ("demo", "test", "lint", "types", "bench", "parts", "control-plane", "locks"):
        assert f"make {target} — " in done.stdout


def test_without_a_python_make_says_what_is_needed(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "cat", "cksum", "cut"):
        (tools / name).symlink_to(Path(shutil.which(name) or name).resolve())
    (tools / "python3").symlink_to(Path("/bin/false").resolve())
    done = make(tmp_path, "lint", path=str(tools))
    assert done.returncode == 2
    assert "error: no Python 3.11 or newer found\nhint: " in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert text.rstrip().endswith("limitations under the License.")


def test_what_contributing_tells_people_to_copy_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for family, names in re.findall(r"`ci_ops/(\w+)/<name>\.py`.*?Copy (.*?)\.\n", text, re.DOTALL):
        for name in re.findall(r"`(\w+\.py)`", names):
            assert (ROOT / "ci_ops" / family / name).is_file()
    targets = set(re.findall(r"^([\w-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([\w-]+)", text.partition("## Where")[0])) - {"are"} <= targets


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_contributors_hooks_are_of_the_versions_that_lint_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (ruff,) = [each for each in hooks["repos"] if each["repo"].endswith("/ruff-pre-commit")]
    assert f"ruff=={ruff['rev'].removeprefix('v')}" in project()["dependency-groups"]["lint"]


def test_the_hook_for_users_runs_a_command_that_is_there_with_what_it_needs() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *words = hook["entry"].split()
    assert (program, words) == ("ci-ops", ["config", "check"])
    needed = {re.split(r"[<>=]", each)[0] for each in project()["project"]["optional-dependencies"]["cli"]}
    assert set(hook["additional_dependencies"]) == needed
    assert re.search(hook["files"], "service/ci-ops.yml")


def test_commits_that_blame_passes_over_are_commits() -> None:
    listed = (ROOT / ".git-blame-ignore-revs").read_text().splitlines()
    revisions = [line for line in listed if not line.startswith("#")]
    assert revisions
    assert all(re.fullmatch(r"[0-9a-f]{40}", each) for each in revisions)
