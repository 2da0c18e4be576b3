from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.git_state import GitState
from ci_ops.core.errors import Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, a_world, clean_env, rules_of, the_result

EXAMPLE = GitState()


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def look(root: Path, **settings: Any) -> Result:
    return the_result(GitState(**settings), a_subject(root), a_world())


def commit(folder: Path, name: str = "app.py", text: str = "x = 1\n") -> str:
    (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"change {name}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with one commit, which its bare origin has too."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/origin.git", "clone")
    folder = tmp_path / "clone"
    git(folder, "checkout", "-q", "-b", "main")
    commit(folder)
    git(folder, "push", "-q", "origin", "main")
    return folder


def test_a_clean_and_pushed_checkout_passes(clone: Path) -> None:
    result = look(clone)
    assert (result.status, result.measured) == (Status.PASS, 3)
    assert result.facts["commit"] == git(clone, "rev-parse", "HEAD")
    assert result.sentence.endswith("is clean and pushed.")


def test_changed_files_fail_and_are_named(clone: Path) -> None:
    (clone / "app.py").write_text("x = 2\n")
    (clone / "new.py").write_text("y = 1\n")
    git(clone, "add", "new.py")
    result = look(clone)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["changed"])
    assert result.sentence == "2 files differ from the commit."
    assert result.findings[0].observed == "app.py, new.py"
    assert str(result.findings[0].location) == "app.py:1"


def test_one_changed_file_is_told_in_the_singular_and_many_are_cut(clone: Path) -> None:
    (clone / "app.py").write_text("x = 2\n")
    assert look(clone).sentence == "One file differs from the commit."
    for number in range(7):
        (clone / f"new{number}.py").write_text("")
    git(clone, "add", "-A")
    assert look(clone).findings[0].observed.endswith(" and 3 more")


@pytest.mark.parametrize("severity", ["warn", "fail", "ignore"])
def test_untracked_files_weigh_as_the_user_says(clone: Path, severity: Any) -> None:
    (clone / "report.txt").write_text("")
    (clone / ".ci-ops").mkdir()
    (clone / ".ci-ops" / "ledger").write_text("")
    result = look(clone, untracked=severity)
    assert str(result.status) == {"ignore": "pass"}.get(severity, severity)
    assert [finding.observed for finding in result.findings] == (
        [] if severity == "ignore" else ["report.txt"]
    )


@pytest.mark.reports("git-state/untracked")
def test_an_untracked_folder_is_told_but_is_no_place_in_a_file(clone: Path) -> None:
    (clone / "build").mkdir()
    (clone / "build" / "out.txt").write_text("")
    finding = look(clone).findings[0]
    assert (finding.observed, finding.location) == ("build/", None)
    (clone / "notes.txt").write_text("")
    assert str(look(clone).findings[0].location) == "notes.txt:1"


@pytest.mark.reports("git-state/not-pushed")
def test_a_commit_that_no_remote_has_fails(clone: Path) -> None:
    commit(clone, "more.py")
    result = look(clone)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["not-pushed"])
    assert look(clone, pushed=False).status is Status.PASS


def test_a_detached_shallow_checkout_of_a_tag_came_from_the_remote(clone: Path, tmp_path: Path) -> None:
    commit(clone, "tagged.py")
    git(clone, "tag", "v1")
    git(clone, "push", "-q", "origin", "v1")
    shallow = tmp_path / "shallow"
    shallow.mkdir()
    git(shallow, "init", "-q")
    git(shallow, "remote", "add", "origin", f"file://{tmp_path}/origin.git")
    git(shallow, "fetch", "-q", "--depth=1", "origin", "refs/tags/v1:refs/tags/v1")
    git(shallow, "checkout", "-q", "v1")
    assert look(shallow).status is Status.PASS
    commit(shallow, "local.py")
    assert rules_of(look(shallow)) == ["not-pushed"]


def test_a_commit_that_the_event_names_is_in_the_remote(clone: Path) -> None:
    sha = commit(clone, "of_a_fork.py")
    published = a_subject(clone, published=frozenset({sha}))
    assert the_result(GitState(), published, a_world()).status is Status.PASS
    commit(clone, "made_here.py")
    assert rules_of(the_result(GitState(), published, a_world())) == ["not-pushed"]


def test_a_commit_that_was_fetched_alone_came_from_the_remote(clone: Path, tmp_path: Path) -> None:
    sha = commit(clone, "topic.py")
    git(clone, "push", "-q", "origin", f"{sha}:refs/pull/7/head")
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/origin.git", "other")
    git(other, "fetch", "-q", "origin", "refs/pull/7/head")
    git(other, "checkout", "-q", "--detach", "FETCH_HEAD")
    assert look(other).status is Status.PASS
    commit(other, "made_here.py")
    assert rules_of(look(other)) == ["not-pushed"]
    git(other, "fetch", "-q", ".", "HEAD")
    assert rules_of(look(other)) == ["not-pushed"]


@pytest.fixture
def service(clone: Path) -> Path:
    """A folder of the clone with a project of its own."""
    (clone / "services" / "api").mkdir(parents=True)
    commit(clone / "services" / "api")
    git(clone, "push", "-q", "origin", "main")
    return clone / "services" / "api"


def test_in_a_folder_of_the_repository_only_that_folder_counts(clone: Path, service: Path) -> None:
    assert GitState.detect(service) == GitState()
    (clone / "app.py").write_text("x = 3\n")
    assert look(service).status is Status.PASS
    (service / "app.py").write_text("x = 3\n")
    (finding,) = look(service).findings
    assert (finding.observed, str(finding.location)) == ("app.py", "app.py:1")


def test_the_shapes_that_checkouts_have(clone: Path, service: Path, tmp_path: Path) -> None:
    shapes = {name: tmp_path / name for name in ("worktree", "sparse", "super")}
    git(clone, "worktree", "add", "-q", "--detach", str(shapes["worktree"]), "origin/main")
    git(tmp_path, "clone", "-q", "--sparse", f"file://{tmp_path}/origin.git", "sparse")
    git(shapes["sparse"], "sparse-checkout", "set", "services/api")
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/origin.git", "super")
    allowed = ("-c", "protocol.file.allow=always")
    git(shapes["super"], *allowed, "submodule", "--quiet", "add", f"file://{tmp_path}/origin.git", "module")
    for folder in (*shapes.values(), shapes["sparse"] / "services" / "api", shapes["super"] / "module"):
        assert rules_of(look(folder)) == (["changed"] if folder == shapes["super"] else []), folder


def test_no_program_that_the_repository_names_is_started(clone: Path, tmp_path: Path) -> None:
    mark = tmp_path / "started"
    program = tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    git(clone, "config", "core.fsmonitor", str(program))
    assert look(clone).status is Status.PASS
    assert not mark.exists()


@pytest.mark.reports("git-state/no-remote")
def test_a_repository_without_a_remote_is_a_warning(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    result = look(tmp_path)
    assert (result.status, rules_of(result)) == (Status.WARN, ["no-remote"])


def test_nothing_to_look_at_is_still_the_commit(clone: Path) -> None:
    result = look(clone, clean=False, pushed=False)
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.sentence.endswith("is checked out.")


def test_a_folder_that_is_no_repository_or_has_no_commit_is_an_error(tmp_path: Path) -> None:
    result = look(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["unavailable"], 0)
    assert result.findings[0].sentence.startswith("No commit is known here: ")
    git(tmp_path, "init", "-q")
    result = look(tmp_path)
    assert (result.status, result.findings[0].sentence) == (
        Status.ERROR,
        "No commit is known here: the repository has no commit yet.",
    )
    assert "ownership" not in result.findings[0].advice
    assert result.findings[0].advice.startswith("Commit the project")


@pytest.mark.reports("git-state/unavailable")
def test_a_checkout_of_another_user_is_told_how_to_trust_it(clone: Path) -> None:
    world = a_world(GIT_TEST_ASSUME_DIFFERENT_OWNER="1")  # git's own switch for its own tests
    result = the_result(GitState(), a_subject(clone), world)
    assert rules_of(result) == ["unavailable"]
    assert result.findings[0].advice.endswith(f"safe.directory {clone.resolve()}")


def test_a_machine_without_git_is_an_error(clone: Path, tmp_path: Path) -> None:
    world = RealWorld(env={"PATH": str(tmp_path / "empty")})
    result = the_result(GitState(), a_subject(clone), world)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["unavailable"])


def test_a_git_that_cannot_tell_its_remotes_is_an_error(clone: Path, tmp_path: Path) -> None:
    real = shutil.which("git")
    broken = tmp_path / "git"
    broken.write_text(f'#!/bin/sh\nfor word; do [ "$word" = remote ] && exit 128; done\nexec {real} "$@"\n')
    broken.chmod(0o755)
    world = RealWorld(env={**clean_env(), "PATH": f"{tmp_path}:{clean_env()['PATH']}"})
    result = the_result(GitState(), a_subject(clone), world)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["unavailable"])


def test_a_git_that_fails_half_way_is_an_error(clone: Path) -> None:
    (clone / ".git" / "index").write_bytes(b"no index at all")
    result = look(clone)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["unavailable"])


def test_a_stop_request_ends_it(clone: Path) -> None:
    stop = StopSignal()
    stop.request(2)
    with pytest.raises(Interrupted):
        the_result(GitState(), a_subject(clone), RealWorld(env=clean_env(), stop=stop))


def test_it_applies_in_a_checkout(clone: Path, tmp_path: Path) -> None:
    assert GitState.detect(clone) == GitState()
    assert GitState.detect(tmp_path) is None


@pytest.fixture
def with_submodule(clone: Path, tmp_path: Path) -> Path:
    """The clone with a second one as its submodule, everything pushed."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "theme.git")
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/theme.git", "theme")
    git(tmp_path / "theme", "checkout", "-q", "-b", "main")
    commit(tmp_path / "theme", "theme.css")
    git(tmp_path / "theme", "push", "-q", "origin", "main")
    add = ("submodule", "add", "-q", "-b", "main", f"file://{tmp_path}/theme.git", "themes/one")
    git(clone, "-c", "protocol.file.allow=always", *add)
    git(clone, "commit", "-qm", "add a theme")
    git(clone, "push", "-q", "origin", "main")
    return clone


def test_a_submodule_that_is_checked_out_and_pushed_passes(with_submodule: Path) -> None:
    assert look(with_submodule).status is Status.PASS


@pytest.mark.reports("git-state/submodule")
def test_a_submodule_that_is_not_checked_out_is_told(with_submodule: Path) -> None:
    git(with_submodule, "submodule", "deinit", "-q", "--all")
    result = look(with_submodule)
    assert (result.status, result.sentence) == (Status.WARN, "The submodule themes/one is not checked out.")
    assert look(with_submodule, submodules="fail").status is Status.FAIL
    assert look(with_submodule, submodules="ignore").status is Status.PASS


@pytest.mark.reports("git-state/changed")
def test_a_changed_submodule_differs_whatever_gitmodules_says(with_submodule: Path) -> None:
    git(with_submodule, "config", "-f", ".gitmodules", "submodule.themes/one.ignore", "all")
    commit(with_submodule, ".gitmodules", (with_submodule / ".gitmodules").read_text())
    git(with_submodule, "push", "-q", "origin", "main")
    (with_submodule / "themes" / "one" / "theme.css").write_text("changed")
    result = look(with_submodule)
    assert (rules_of(result), result.findings[0].observed) == (["changed"], "themes/one")


def test_a_submodule_s_commit_that_nobody_else_has_fails(with_submodule: Path) -> None:
    commit(with_submodule / "themes" / "one", "theme.css", "new")
    git(with_submodule, "commit", "-qam", "take the new theme")
    git(with_submodule, "push", "-q", "origin", "main")
    result = look(with_submodule)
    assert (rules_of(result), result.findings[0].subject) == (["not-pushed"], "themes/one")
