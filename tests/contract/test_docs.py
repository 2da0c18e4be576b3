"""What is written must be what the code does."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI

from ci_ops.config.load import Source, load
from ci_ops.core.reasons import REASONS
from tests.support.web_calls import call_asgi
from tools.docs import pages

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
YAML_BLOCKS = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
SNIPPETS = [block for block in YAML_BLOCKS if block.startswith("- uses:")]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs` and commit what it writes"


def test_the_readme_shows_the_first_use_of_each_action_in_three_lines() -> None:
    used = [yaml.safe_load(block)[0]["uses"] for block in SNIPPETS]
    assert [use.split("/")[3].partition("@")[0] for use in used] == [
        "readiness",
        "verify",
        "deploy",
        "notify",
        "rollback",
    ]
    assert max(len(block.splitlines()) for block in SNIPPETS) <= 3


def test_the_readmes_configuration_loads(tmp_path: Path) -> None:
    (configuration,) = [block for block in YAML_BLOCKS if block.startswith("version: 1")]
    (tmp_path / "ci-ops.yml").write_text(configuration)
    env = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x"}
    staging = load(Source(env=env, start=tmp_path, environment="staging"))
    assert staging.verify.url == "https://staging.shop.example.com"
    assert load(Source(env=env, start=tmp_path)).service == "shop"


def test_the_readmes_exit_codes_are_the_tables() -> None:
    shown = set(re.findall(r"^\| ([\d, ]+) \|", README, flags=re.MULTILINE))
    codes = {int(code) for cell in shown for code in cell.split(",")}
    assert codes == {reason.exit_code for reason in REASONS.values()}


def test_the_three_lines_that_tell_the_commit_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"^    @app\.get\(.*\n(?:    .*\n)+", README, flags=re.MULTILINE)
    monkeypatch.setenv("GIT_COMMIT", "c" * 40)
    app = FastAPI()
    exec(textwrap.dedent(block), {"app": app, "os": os})

    assert len(block.splitlines()) == 3
    assert call_asgi(app, "/__version__").json == {"commit": "c" * 40}


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
)
def test_every_link_leads_to_a_file_and_a_chapter(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        path, _, chapter = target.partition("#")
        text = (ROOT / (path or name)).read_text(encoding="utf-8")
        chapters = [title.lower() for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
        known = {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in chapters}
        assert not chapter or chapter in known, target


def test_the_map_of_the_kit_names_what_is_there_and_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| part of `service/` \|.*?(?=^$)", text, re.MULTILINE | re.DOTALL)
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([\w/*]+)`", row.split("|")[2])}
    kit = ROOT / "ci_ops" / "service"
    folders = {f"{path.parent.name}/" for path in kit.glob("*/__init__.py")}
    modules = {path.stem for path in kit.rglob("*.py")}

    assert folders <= named
    assert {one for one in named - folders if not fnmatch.filter(modules, one)} == set()


def test_decisions_name_modules_that_exist_and_their_index_every_page() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    text = "".join((folder / page).read_text(encoding="utf-8") for page in sorted(pages))
    modules = re.findall(
        r"`((?:core|checks|targets|edge|flows|session|service|actions)/[\w/]+(?:\.py|/))`", text
    )

    assert set(re.findall(r"\]\((\w+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))) == pages
    assert modules
    for module in modules:
        assert (ROOT / "ci_ops" / module).exists() or (ROOT / module).exists(), module


def test_the_five_minutes_can_be_walked(tmp_path: Path) -> None:
    """Each command of the chapter runs in a fresh project and says what it found."""
    (block,) = re.findall(r"## Five minutes\n\n((?:    .*\n)+)", README)
    commands = [line.split("#")[0].split() for line in block.splitlines() if "pipx" not in line]
    assert [words[1] for words in commands] == ["init", "config", "readiness", "verify", "deploy"]
    (tmp_path / "app.py").write_text("print('hello')\n")
    seen: dict[str, int] = {}
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "ci_ops", *words[1:]],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        seen[shlex.join(words[1:])] = done.returncode
        if words[1] == "init":
            configured = (tmp_path / "ci-ops.yml").read_text()
            assert len(configured.splitlines()) <= 25
            local = re.subn(
                r"^  url: \S+.*$", "  url: http://127.0.0.1:9\n  deadline: 0", configured, flags=re.MULTILINE
            )
            assert local[1] == 1
            (tmp_path / "ci-ops.yml").write_text(local[0])
    assert seen["init"] == 0
    assert seen["config check"] == 0
    assert seen["readiness"] == 0
    assert seen["verify"] in {1, 3}
