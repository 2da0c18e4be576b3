"""The pages about the kit say what happens: every example is run, every name is found."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.databases import running_postgres, running_redis
from tests.support.doc_examples import FRAMEWORKS, PAGES, Page, pages, run_application, run_script
from tests.support.parts import ROOT

ALL = pages()
EXAMPLES = [(page, kind) for page in ALL.values() for kind in page.applications]
SCRIPTS = [(page, number) for page in ALL.values() for number in range(len(page.scripts))]
INDEX = (PAGES / "README.md").read_text(encoding="utf-8")
MOUNTS = re.compile(
    r"from ci_ops\.service import|health_(router|routes|blueprint|urls|middleware)\b|HealthApp\(|HealthWSGI\("
    r"|application_lifecycle\.|setup_middleware\("
)


@pytest.fixture(scope="session")
def env() -> Iterator[dict[str, str]]:
    """What the examples find in their environment."""
    with running_postgres() as url:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "CI_OPS_HEALTH_DETAILS": "loopback",
            "DATABASE_URL": url,
            "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7qW9eR1tY3u",
            "RENDER_DEPLOY_HOOK_SECRET": "q8W3eR5tY7uI9oP1aS3dF5gH",
            "GIT_COMMIT": "c" * 40,
            "SHOP_NAME": "corner shop",
        }


@pytest.mark.parametrize(("page", "kind"), EXAMPLES, ids=[f"{page.name}-{kind}" for page, kind in EXAMPLES])
def test_an_example_answers_as_its_page_says(
    page: Page, kind: str, tmp_path: Path, env: dict[str, str]
) -> None:
    called = run_application(page, kind, tmp_path, env)
    assert [one.status for one in called] == [asked.status for asked in page.answers]
    for asked, one in zip(page.answers, called, strict=True):
        seen = "\n".join([*(f"{name}: {value}" for name, value in one.headers.items()), one.body.decode()])
        for text in asked.said:
            assert text in seen, asked.path


@pytest.mark.parametrize(
    ("page", "number"), SCRIPTS, ids=[f"{page.name}-{number}" for page, number in SCRIPTS]
)
def test_a_block_without_a_framework_runs_by_itself(
    page: Page, number: int, tmp_path: Path, env: dict[str, str]
) -> None:
    script = page.scripts[number]
    if not script.needs_redis:
        run_script(page, script, tmp_path, env)
        return
    with running_redis() as url:
        run_script(page, script, tmp_path, {**env, "REDIS_URL": url})


@pytest.mark.parametrize("page", ALL.values(), ids=lambda page: page.name)
def test_a_page_with_examples_has_one_for_every_framework_and_asks_them_something(page: Page) -> None:
    if page.applications:
        assert set(FRAMEWORKS) - set(page.applications) <= {"starlette"}
    if page.name != "README":  # its answers are asked of real servers, in test_five_minutes
        assert bool(page.applications) is bool(page.answers)


@pytest.mark.parametrize(("page", "kind"), EXAMPLES, ids=[f"{page.name}-{kind}" for page, kind in EXAMPLES])
def test_three_lines_of_an_example_mount_a_part(page: Page, kind: str) -> None:
    lines = page.applications[kind].splitlines()
    assert len([line for line in lines if MOUNTS.search(line)]) <= 3


def test_no_block_of_python_is_left_out() -> None:
    for path in PAGES.glob("*.md"):
        fences = re.findall(r"^ *```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)[::2]
        assert {fence.partition(" ")[0] for fence in fences} <= {"python", "yaml", "diff"}, path.name


def test_the_extras_are_those_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    (adapters,) = re.findall(r"^# Adapters of the service kit.*\n((?:\w+ = .*\n)+)", text, re.MULTILINE)
    extras = set(re.findall(r"^(\w+) =", adapters, re.MULTILINE))
    (table,) = re.findall(r"^\| extra \|.*?(?=^$)", INDEX, re.MULTILINE | re.DOTALL)
    assert project["dependencies"] == []
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == extras


def _ci_ops(folder: Path, env: dict[str, str], line: str) -> tuple[int, str]:
    words = [sys.executable, "-m", *line.replace("ci-ops", "ci_ops", 1).split()]
    done = subprocess.run(
        words, cwd=folder, env={**env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_pipeline_reads_the_declaration_of_its_page(tmp_path: Path, env: dict[str, str]) -> None:
    page, text = ALL["configuration"], (PAGES / "configuration.md").read_text(encoding="utf-8")
    (checks,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    check, variables = re.findall(r"^    (ci-ops config [^#\n]*)", text, re.MULTILINE)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "settings.py").write_text(page.files["settings.py"])
    (tmp_path / "ci-ops.yml").write_text(f"version: 1\nservice: shop\n{checks}")

    assert [*yaml.safe_load(checks)] == ["readiness"]
    assert _ci_ops(tmp_path, env, "ci-ops readiness")[0] == 0
    assert _ci_ops(tmp_path, env, check)[0] == 0
    code, said = _ci_ops(tmp_path, {**env, "SHOP_NAME": ""}, check)
    assert (code, "SHOP_NAME" in said) == (2, True)
    code, said = _ci_ops(tmp_path, env, variables)
    assert (code, "SHOP_NAME=" in said, "Stands on receipts." in said) == (0, True, True)


def test_the_platform_files_are_where_their_page_says(tmp_path: Path) -> None:
    text = (PAGES / "platforms.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| file \|.*?(?=^$)", text, re.MULTILINE | re.DOTALL)
    names = [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    (tmp_path / "templates").symlink_to(ROOT / "templates")
    for line in re.findall(r"^    (cp .*)$", text, re.MULTILINE):
        subprocess.run(shlex.split(line), cwd=tmp_path, check=True)

    assert {"Dockerfile", "docker-entrypoint.sh", ".dockerignore"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert len(names) > 6
    assert [name for name in names if not (ROOT / "templates" / "platforms" / name).exists()] == []


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    assert {f"{name}.md" for name in ALL if name != "README"} <= set(re.findall(r"\]\(([\w-]+\.md)\)", INDEX))
    for path in PAGES.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


NAMES = re.findall(r"^\| `[\w.]+` \| `(from ci_ops\.service import [^`]+)` \|$", INDEX, re.MULTILINE)


@pytest.mark.parametrize("line", NAMES, ids=lambda line: line.rpartition(" ")[2])
def test_every_name_of_old_has_its_name_of_now(line: str) -> None:
    found: dict[str, object] = {}
    exec(line, found)
    names = {each.strip() for each in line.partition(" import ")[2].split(",")}
    assert all(found[name] is not None for name in names)


def test_the_table_of_names_is_there() -> None:
    assert len(NAMES) == 10
