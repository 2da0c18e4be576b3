"""The pages about the kit say what happens: every example is run, every name is found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import running_postgres
from tests.support.doc_examples import FRAMEWORKS, PAGES, Page, pages, run_application, run_script

ALL = pages()
EXAMPLES = [(page, kind) for page in ALL.values() for kind in page.applications]
SCRIPTS = [(page, number) for page in ALL.values() for number in range(len(page.scripts))]
INDEX = (PAGES / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def env() -> Iterator[dict[str, str]]:
    """What the examples find in their environment."""
    with running_postgres() as url:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
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
    run_script(page, page.scripts[number], tmp_path, env)


@pytest.mark.parametrize("page", ALL.values(), ids=lambda page: page.name)
def test_a_page_with_examples_has_one_for_every_framework_and_asks_them_something(page: Page) -> None:
    if page.name == "README":
        assert set(page.applications) == {"fastapi", "django", "flask"}
    elif page.applications:
        assert set(page.applications) == set(FRAMEWORKS)
    assert bool(page.applications) is bool(page.answers)


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
