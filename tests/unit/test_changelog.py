"""Fragments become the section of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.parts import ROOT
from tools.changelog import collect, collected

LOG = "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- A start.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "CHANGELOG.md").write_text(LOG)
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d" / "README.md").write_text("How it is done.\n")
    return tmp_path


def fragment(project: Path, name: str, text: str) -> Path:
    path = project / "changelog.d" / f"{name}.md"
    path.write_text(text)
    return path


def test_fragments_move_into_the_log_by_name(project: Path) -> None:
    fragment(project, "two", "- Second.\n")
    fragment(project, "one", "- First,\n  on two lines.\n")
    collect(project)
    assert (project / "CHANGELOG.md").read_text() == LOG.replace(
        "## Unreleased\n", "## Unreleased\n\n- First,\n  on two lines.\n- Second.\n"
    )
    assert [each.name for each in (project / "changelog.d").iterdir()] == ["README.md"]


def test_without_fragments_the_log_stays_as_it_is(project: Path) -> None:
    collect(project)
    assert (project / "CHANGELOG.md").read_text() == LOG


@pytest.mark.parametrize("text", ["No bullet.", "- One.\n\n## A heading\n", ""])
def test_a_fragment_of_another_form_is_named_and_nothing_is_changed(project: Path, text: str) -> None:
    path = fragment(project, "bad", text)
    with pytest.raises(ValueError, match=r"changelog\.d/bad\.md: expected bullets"):
        collect(project)
    assert path.exists()
    assert (project / "CHANGELOG.md").read_text() == LOG


def test_a_log_without_its_heading_is_refused(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n")
    with pytest.raises(ValueError, match="no heading"):
        collect(project)


def test_our_own_fragments_can_be_collected() -> None:
    assert all(line.startswith(("- ", "  ")) for line in collected(ROOT).splitlines() if line)
