import ast
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci_ops.core.text.secret import Secret
from ci_ops.service import release as module
from ci_ops.service.release import Release, config_fingerprint, current_release, read_release, set_release

COMMIT = "a" * 40
OTHER = "b" * 40
KEY = "k" * 32


def test_a_file_in_the_release_beats_the_environment_a_reload_keeps(tmp_path: Path) -> None:
    (tmp_path / "REVISION").write_text(f"{COMMIT}\n")

    assert read_release(tmp_path, {"DEPLOYMENT_REVISION": OTHER}).commit == COMMIT


def test_version_json_comes_first_and_is_read_whole(tmp_path: Path) -> None:
    stated = {
        "source": "https://reader:hunter2hunter2@git.example.com/shop.git",
        "version": "1.4.2",
        "commit": COMMIT.upper(),
        "build": "https://token@ci.example.com/7",
        "built_at": "2027-01-31T09:00:00+01:00",
        "lines": 3,
    }
    (tmp_path / "version.json").write_text(json.dumps(stated))
    (tmp_path / "REVISION").write_text(OTHER)

    found = read_release(tmp_path, {})

    assert found.document() == {
        "source": "https://git.example.com/shop.git",
        "version": "1.4.2",
        "commit": COMMIT,
        "build": "https://ci.example.com/7",
        "built_at": "2027-01-31T08:00:00.000Z",
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 100_000, '{"commit": 5}', '{"commit": "latest"}', "\xff"]
)
def test_a_version_file_that_says_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "version.json").write_text(text)

    assert read_release(tmp_path, {"GITHUB_SHA": COMMIT}).commit == COMMIT


def test_platforms_tell_the_rest_by_environment(tmp_path: Path) -> None:
    env = {
        "RENDER_GIT_COMMIT": COMMIT,
        "APP_VERSION": "2.0",
        "BUILD_URL": "https://[broken",
        "SOURCE_DATE_EPOCH": "1800000000",
    }

    found = read_release(tmp_path, env)

    assert (found.commit, found.version, found.build) == (COMMIT, "2.0", "")
    assert found.built_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert found.release_id == COMMIT


@pytest.mark.parametrize("time", ["yesterday", "2027-01-31T09:00:00", "9" * 30])
def test_a_build_time_nobody_can_place_is_left_out(tmp_path: Path, time: str) -> None:
    assert "built_at" not in read_release(tmp_path, {"BUILD_TIME": time}).document()


def test_a_checkout_is_recognised_on_a_branch_packed_detached_and_as_a_work_tree(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "HEAD")
    loose = read_release(tmp_path, {}).commit
    git("pack-refs", "--all")
    packed = read_release(tmp_path, {}).commit
    git("worktree", "add", "-q", "tree")
    tree = read_release(tmp_path / "tree", {}).commit
    git("checkout", "-q", "--detach")
    detached = read_release(tmp_path, {}).commit

    assert {loose, packed, tree, detached} == {commit}


def test_where_nothing_is_known_nothing_is_claimed(tmp_path: Path) -> None:
    assert read_release(tmp_path, {}).release_id == ""


def test_the_release_is_read_once_when_the_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._Current, "release", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "REVISION").write_text(COMMIT)
    before = current_release()
    (tmp_path / "REVISION").write_text(OTHER)

    assert current_release() is before

    set_release(replace(before, version="3"))
    assert (current_release().commit, current_release().version) == (COMMIT, "3")


def test_a_forked_worker_is_another_instance_of_the_same_release() -> None:
    program = (
        "import os\n"
        "from ci_ops.service.release import Release, current_release, set_release\n"
        "if os.fork() == 0: os._exit(current_release().commit != os.environ['GIT_COMMIT'])\n"
        "assert os.wait()[1] == 0\n"
        f"set_release(Release(commit='{COMMIT}', version='3', config='0123', instance='parent'))\n"
        "if os.fork() == 0:\n"
        "    print(current_release().document(detailed=True), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(current_release().instance)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"GIT_COMMIT": OTHER}
    )
    child, parent = done.stdout.splitlines()
    shown = ast.literal_eval(child)

    assert (shown["commit"], shown["version"], shown["config"]) == (COMMIT, "3", "0123")
    assert shown["instance"] != "parent"
    assert parent == "parent"


def test_details_name_the_instance_and_its_configuration() -> None:
    shown = Release(config="0123", version="9").document(detailed=True)

    assert (shown["config"], len(shown["instance"]), shown["started_at"][-1]) == ("0123", 8, "Z")
    assert Release(version="9").release_id == "9"
    assert Release().instance != Release().instance


def test_the_fingerprint_changes_with_every_value_and_shows_none() -> None:
    values = {"DB_POOL_SIZE": 10, "SECRET_KEY": Secret("s" * 32)}

    first = config_fingerprint(values, KEY)

    assert first == config_fingerprint(dict(reversed(values.items())), Secret(KEY))
    assert first != config_fingerprint({**values, "DB_POOL_SIZE": 11}, KEY)
    assert first != config_fingerprint({**values, "SECRET_KEY": Secret("t" * 32)}, KEY)
    assert first != config_fingerprint(values, KEY + "x")
    assert len(first) == 16


def test_a_weak_key_would_let_values_be_guessed() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        config_fingerprint({}, "short")


def test_the_files_may_lie_above_the_working_directory_but_not_far(tmp_path: Path) -> None:
    inside = tmp_path / "src" / "shop" / "web"
    inside.mkdir(parents=True)
    (tmp_path / "REVISION").write_text(COMMIT)

    assert read_release(inside, {"DEPLOYMENT_REVISION": OTHER}).commit == COMMIT
    assert read_release(inside / "deeper", {}).commit == ""

    (inside / "REVISION").write_text(OTHER)
    assert read_release(inside, {}).commit == OTHER


def test_a_link_to_a_folder_of_the_release_leads_to_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "releases" / "1" / "src"
    folder.mkdir(parents=True)
    (folder.parent / "REVISION").write_text(COMMIT)
    (tmp_path / "elsewhere").symlink_to(folder)

    assert read_release(tmp_path / "elsewhere", {}).commit == COMMIT


def test_a_file_about_something_else_is_no_release(tmp_path: Path) -> None:
    inside = tmp_path / "src"
    inside.mkdir()
    (tmp_path / "version.json").write_text('{"version": "9", "source": "https://other.example"}')

    found = read_release(inside, {"GIT_COMMIT": COMMIT})

    assert (found.commit, found.version, found.source) == (COMMIT, "", "")
