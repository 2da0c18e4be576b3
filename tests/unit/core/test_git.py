"""Questions to git, on real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ci_ops.core.folders import repository_root
from ci_ops.core.git import Git, Refusal, trusting
from ci_ops.edge.world import RealWorld
from tests.support.caller import Caller
from tests.support.checking import clean_env

OTHER_USER = 12345


@pytest.fixture
def project(tmp_path: Path) -> Caller:
    return Caller(tmp_path / "project")


def asking(folder: Path, **env: str) -> Git:
    return Git(folder, RealWorld(env=clean_env(**env)))


def refused(git: Git) -> Refusal:
    answer = git.head()
    assert isinstance(answer, Refusal)
    return answer


def test_the_commit_that_is_checked_out_is_the_head(project: Caller) -> None:
    sha = project.commit()
    (project.folder / "below").mkdir()
    assert asking(project.folder).head() == sha
    assert asking(project.folder / "below").head() == sha


def test_variables_of_a_hook_name_no_other_repository(project: Caller, tmp_path: Path) -> None:
    sha = project.commit()
    other = Caller(tmp_path / "other")
    other.commit()
    assert asking(project.folder, GIT_DIR=str(other.folder / ".git")).head() == sha


def test_a_merge_names_its_parents_even_where_a_shallow_clone_lacks_them(
    project: Caller, tmp_path: Path
) -> None:
    base = project.commit()
    project.git("checkout", "--quiet", "-b", "topic")
    head = project.commit(message="topic")
    project.git("checkout", "--quiet", "main")
    project.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    merge = project.git("rev-parse", "HEAD")
    project.git("clone", "--quiet", "--depth=1", f"file://{project.folder}", str(tmp_path / "shallow"))
    for folder in (project.folder, tmp_path / "shallow"):
        assert asking(folder).parents(merge) == (base, head)
    assert asking(project.folder).parents("0" * 40) == ()


def test_a_name_leads_to_its_commit_and_an_option_to_none(project: Caller) -> None:
    sha = project.commit()
    project.git("tag", "-a", "v1", "-m", "one")
    git = asking(project.folder)
    assert git.commit_at("refs/tags/v1") == sha
    assert [git.commit_at(name) for name in ("refs/tags/v2", "--version", "")] == ["", "", ""]


def test_why_no_commit_is_known_is_said_with_the_way_out(project: Caller, tmp_path: Path) -> None:
    assert "has no commit yet" in refused(asking(project.folder)).sentence
    assert f"{tmp_path} is in no git repository" in refused(asking(tmp_path)).sentence
    missing = Git(project.folder, RealWorld(env={"PATH": str(tmp_path)}))
    assert refused(missing).sentence == "git is not installed"


@pytest.fixture
def foreign(project: Caller) -> Caller:
    """A repository that belongs to another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    project.commit()
    subprocess.run(["chown", "-R", f"{OTHER_USER}:{OTHER_USER}", project.folder], check=True)
    return project


def test_a_repository_of_another_user_is_named_with_the_line_that_trusts_it(foreign: Caller) -> None:
    refusal = refused(asking(foreign.folder))
    assert "belongs to another user" in refusal.sentence
    assert f"git config --global --add safe.directory {foreign.folder}" in refusal.hint


def test_a_repository_of_another_user_is_read_where_it_is_trusted(foreign: Caller) -> None:
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "mona"}
    trust = trusting(foreign.folder, given)
    assert trust["GIT_CONFIG_COUNT"] == "2"
    git = asking(foreign.folder, **{**given, **trust})
    assert isinstance(git.head(), str)
    assert git.run("config", "user.name").stdout.strip() == "mona"


def test_a_repository_of_ones_own_needs_no_trust(project: Caller) -> None:
    project.commit()
    assert trusting(project.folder, {}) == {}


def test_the_root_of_a_repository_is_found_upwards(project: Caller, tmp_path: Path) -> None:
    (project.folder / "a" / "b").mkdir(parents=True)
    assert repository_root(project.folder / "a" / "b") == project.folder
    assert repository_root(tmp_path) is None


def test_what_git_says_of_a_checkout_that_it_cannot_read_is_shown(project: Caller) -> None:
    (project.folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (project.folder / ".git" / "config").write_text("[core\n")
    refusal = refused(asking(project.folder))
    assert refusal.sentence.startswith("git does not say which commit is checked out in ")
    assert "config" in refusal.sentence


def test_where_users_have_no_numbers_nothing_is_trusted(
    project: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "geteuid")
    assert trusting(project.folder, {}) == {}
