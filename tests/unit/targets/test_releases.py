from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.dry_run import dry_run
from ci_ops.core.delivery.step import StepResult
from ci_ops.core.errors import Inconclusive, Interrupted
from ci_ops.core.plugin import Placement
from ci_ops.core.report import StepState
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from ci_ops.flows._placement import measure_placement
from ci_ops.service.release import read_release
from ci_ops.targets.releases import Releases
from tests.support.deployments import a_record, a_world, answers
from tests.support.release_host import Host, numbered
from tests.support.targets import TargetExample, content

if TYPE_CHECKING:
    from pathlib import Path


def example(host: Path) -> Releases:
    """Return a target whose server copies the live commit to the file `served` when it reloads."""
    return Releases(
        path=f"{host}/shop",
        keep=2,
        shared=("media",),
        build="cp app.py built.py",
        check="test -s built.py",
        migrate='echo "$DEPLOYMENT_REVISION" >> ../../schema',
        reload=f"cat {host}/shop/current/REVISION > {host}/served",
        health=f"test -s {host}/served",
    )


EXAMPLE = TargetExample(
    make=example,
    serving=lambda host: content(host / "served"),
    remains=("shop/schema", "shop/shared/*"),
)


def test_a_release_is_fetched_built_and_switched_to(tmp_path: Path) -> None:
    host = Host(
        tmp_path, build="touch built", migrate="echo migrated >> ../../migrations", reload="echo r >> reloads"
    )
    record = host.deploy(1)
    assert host.live == record.revision
    assert str((host.path / "current").readlink()) == f"releases/{record.id}"
    assert (host.path / "current" / "built").exists()
    assert (host.path / "migrations").read_text() == "migrated\n"
    assert (host.project / "reloads").read_text() == "r\n"


def test_git_archive_is_how_the_files_come_by_default(tmp_path: Path) -> None:
    host = Host(tmp_path)
    target = Releases(path=str(host.path))
    host.target = target
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", "-C", str(host.project)]
    subprocess.run([*git, "init", "-q"], check=True)
    (host.project / "revision").write_text("committed\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    host.deploy(1, revision=head)
    assert host.live == "committed"


def test_shared_paths_are_kept_between_releases(tmp_path: Path) -> None:
    host = Host(tmp_path, shared=("media", "var/log"))
    host.deploy(1)
    (host.path / "current" / "media" / "photo").write_text("kept")
    host.deploy(2)
    assert (host.path / "current" / "media" / "photo").read_text() == "kept"
    assert str((host.path / "current" / "var" / "log").readlink()) == str(host.path / "shared/var/log")


def test_undoing_switches_back_reloads_and_removes_the_folder(tmp_path: Path) -> None:
    host = Host(tmp_path, reload="echo reloaded >> reloads")
    first = host.deploy(1)
    second = host.deploy(2, previous=first.id)
    execution = host.executor(second).undo()
    assert execution.failed is None
    assert host.live == first.revision
    assert host.releases == [first.id]
    assert (host.project / "reloads").read_text().count("reloaded") == 3


def test_undoing_the_first_deployment_leaves_no_link(tmp_path: Path) -> None:
    host = Host(tmp_path, reload="true")
    first = host.deploy(1)
    assert host.executor(first).undo().failed is None
    assert not (host.path / "current").is_symlink()
    assert host.releases == []


def test_a_host_that_does_not_answer_well_fails_the_deployment(tmp_path: Path) -> None:
    host = Host(tmp_path, health="echo sick; false", health_deadline=0.0)
    record = numbered(1)
    execution = host.executor(record).run(host.target.deploy_steps(record))
    assert execution.failed is not None
    assert execution.failed.key == "health"
    assert "sick" in execution.failed.output


def test_retention_spares_the_live_release_and_the_one_to_go_back_to(tmp_path: Path) -> None:
    host = Host(tmp_path, keep=1)
    first = host.deploy(1)
    host.deploy(2)
    (host.path / "releases" / "not-a-release").mkdir()
    third = host.deploy(3, previous=first.id)
    assert set(host.releases) >= {third.id, "not-a-release"}
    assert numbered(2).id in host.releases
    fourth = host.deploy(4, previous=third.id)
    assert host.releases == sorted([third.id, fourth.id, "not-a-release"])
    marked = {path.name[:24] for path in host.target.state_place().directory.glob("*.done")}
    assert marked == {third.id, fourth.id}


def test_retention_spares_the_last_verified_release_when_later_ones_were_not_verified(tmp_path: Path) -> None:
    host = Host(tmp_path, keep=1)
    safe = host.deploy(1)
    second = host.deploy(2, previous=safe.id, safe=safe.id)
    third = host.deploy(3, previous=second.id, safe=safe.id)
    assert host.releases == [safe.id, second.id, third.id]


def test_a_way_back_that_cannot_switch_fails_although_the_reload_works(tmp_path: Path) -> None:
    host = Host(tmp_path, reload="true")
    first = host.deploy(1)
    second = host.deploy(2, previous=first.id)
    (host.path / "current").unlink()
    (host.path / "current").mkdir()
    execution = host.executor(second).undo()
    assert execution.failed is not None
    assert execution.failed.title == "Switch back"


def test_a_rollback_switches_to_the_older_folder(tmp_path: Path) -> None:
    host = Host(tmp_path, reload="true", health="true")
    first = host.deploy(1)
    host.deploy(2)
    back = numbered(3, kind="rollback", release=first.id, revision=first.revision)
    execution = host.executor(back).run(host.target.rollback_steps(back, first), scope="rollback")
    assert execution.failed is None
    assert host.live == first.revision
    again = replace(back, id=numbered(4).id)
    assert host.executor(again).run(host.target.rollback_steps(again, back)).failed is None


def test_a_rollback_to_a_folder_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    second = host.deploy(2)
    back = numbered(3, kind="rollback")
    execution = host.executor(back).run(host.target.rollback_steps(back, numbered(1)))
    assert execution.failed is not None
    assert "is gone" in execution.failed.output
    assert host.live == second.revision


def test_a_step_that_fails_half_way_is_not_taken_for_done(tmp_path: Path) -> None:
    host = Host(tmp_path, build="touch half; false; touch whole")
    record = numbered(1)
    assert host.executor(record).run(host.target.deploy_steps(record)).failed is not None
    host.target = replace(host.target, build="touch half; false; touch whole")
    execution = host.executor(record).run(host.target.deploy_steps(record))
    assert execution.failed is not None
    assert execution.failed.key == "build"
    assert [each.state for each in execution.outcomes if each.replayed] == [StepState.DONE] * 2


def test_hostile_paths_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "it's; touch pwned $(touch pwned)"
    path.mkdir()
    host = Host(tmp_path, path=str(path), shared=("a b;c",))
    host.path = path
    record = host.deploy(1)
    assert host.live == record.revision
    assert not list(tmp_path.rglob("pwned"))


def test_the_same_answers_give_the_same_steps() -> None:
    target = Releases(path="/srv/shop", reload="true", health="true", migrate="m", build="b")
    live = StepResult(ok=True, code=0, output="releases/20261121T080000Z-1111111\n")
    assert answers(target.deploy_steps(a_record()), live) == answers(target.deploy_steps(a_record()), live)
    assert [step.key for step in answers(target.deploy_steps(a_record()), live)] == [
        "current",
        "fetch",
        "build",
        "migrate",
        "switch",
        "reload",
        "health",
        "prune",
    ]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"path": "srv"}, "absolute"),
        ({"path": "/srv", "keep": 0}, "at least 1"),
        ({"path": "/srv", "shared": ("../x",)}, "inside the release"),
        ({"path": "/srv", "shared": ("/x",)}, "inside the release"),
        ({"path": "/srv", "shared": ("",)}, "inside the release"),
        ({"path": "/srv", "shared": (".",)}, "inside the release"),
        ({"path": "/srv", "shared": ("media", "var/log", "media/")}, "lie in each other"),
        ({"path": "/srv", "shared": ("var", "var/log")}, "lie in each other"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Releases(**settings)  # type: ignore[arg-type]


def measured(host: Host) -> Placement | None:
    return measure_placement(host.target, host.world, root=host.project, env={})


def test_it_measures_that_nothing_is_live(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert measured(host) == Placement(is_vacant=True, available=frozenset())


def test_it_measures_the_release_that_the_link_names_and_those_that_are_there(tmp_path: Path) -> None:
    host = Host(tmp_path)
    first, second = host.deploy(1), host.deploy(2)
    (host.path / "releases" / "notes").mkdir()
    assert measured(host) == Placement(release=second.id, available=frozenset({first.id, second.id}))
    shutil.rmtree(host.path / "releases" / second.id)
    assert measured(host) == Placement(release=second.id, available=frozenset({first.id}))


def test_a_link_of_another_tool_is_named_as_it_is(tmp_path: Path) -> None:
    host = Host(tmp_path)
    (host.path / "current").symlink_to("/opt/shop/releases/20240101")
    assert measured(host) == Placement(release="/opt/shop/releases/20240101", available=frozenset())


def test_a_folder_in_the_place_of_the_link_is_no_measurement(tmp_path: Path) -> None:
    host = Host(tmp_path)
    (host.path / "current").mkdir()
    with pytest.raises(Inconclusive, match="current is not a link"):
        measured(host)


def test_a_command_that_ends_in_its_own_time_after_term_counts_as_done(tmp_path: Path) -> None:
    stop = StopSignal()
    host = Host(tmp_path, build="trap '' TERM; kill -TERM $PPID; sleep 0.3; echo built >> ../../log")
    host.world = RealWorld(env=host.world.env, stop=stop)
    record = numbered(1)
    with stop.listening(), pytest.raises(Interrupted):
        host.executor(record).run(host.target.deploy_steps(record))
    host.world = a_world()
    execution = host.executor(record).run(host.target.deploy_steps(record))
    assert execution.failed is None
    assert (host.path / "log").read_text() == "built\n"


def test_the_release_says_its_revision_where_the_kit_reads_it(tmp_path: Path) -> None:
    host = Host(tmp_path)
    record = host.deploy(1)
    assert read_release(host.path / "current", {}).commit == record.revision


def test_a_revision_file_of_the_project_stays(tmp_path: Path) -> None:
    host = Host(tmp_path, fetch='echo "its own" > "$DEPLOYMENT_RELEASE_DIR/REVISION"; exit 0')
    host.deploy(1)
    assert (host.path / "current" / "REVISION").read_text() == "its own\n"


def test_a_build_that_was_interrupted_begins_in_fresh_files(tmp_path: Path) -> None:
    stop = StopSignal()
    build = "test ! -e half || exit 9; rm revision; touch half; [ -e ../../again ] || kill -TERM $PPID; sleep 0.2; "
    host = Host(tmp_path, shared=("media",), build=f"{build}touch built; [ -e ../../again ]")
    host.world = RealWorld(env=host.world.env, stop=stop)
    record = numbered(1)
    with stop.listening(), pytest.raises(Interrupted):
        host.run(record)
    (host.path / "again").touch()
    host.world = a_world()
    assert host.run(record).failed is None
    release = host.path / "releases" / record.id
    assert (release / "built").exists()
    assert (release / "media").is_dir()
    assert list(host.target.state_place().directory.glob("*.tar*")) == []


def test_a_release_that_cannot_be_imported_is_refused_before_the_switch(tmp_path: Path) -> None:
    host = Host(
        tmp_path, check="python3 -c 'import shop'", migrate="touch ../../migrated", reload="touch reloaded"
    )
    execution = host.run(numbered(1))
    assert execution.failed is not None
    assert execution.failed.key == "check"
    assert "No module named 'shop'" in execution.failed.output
    assert not (host.path / "current").exists()
    assert not (host.path / "migrated").exists()


def test_a_dry_run_shows_each_command_once_and_as_it_is_configured() -> None:
    target = Releases(
        path="/srv/shop", fetch="rsync a b", build="make\nmake install", reload="r", restart="s"
    )
    shown = [outcome.run for outcome in dry_run(target.deploy_steps(a_record()))]
    folder = "/srv/shop/releases/20261122T080000Z-2222222"
    assert shown[1:3] == ["rsync a b", f"cd {folder}\nmake\nmake install"]
    assert shown[4] == "r"
