"""Paths that releases share are there after the first deployment, with what the release brought."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.release_host import Host, numbered

BRINGS = (
    'mkdir -p "$DEPLOYMENT_RELEASE_DIR/var/media" && echo logo > "$DEPLOYMENT_RELEASE_DIR/var/media/logo"; '
)
SETTINGS = 'echo "debug=0" > "$DEPLOYMENT_RELEASE_DIR/.env"; '


@pytest.mark.parametrize("name", ["media", "media/", "./media", "var/cache/pages", "it's a place"])
def test_a_folder_that_nobody_has_yet_is_made_and_can_be_written_to(tmp_path: Path, name: str) -> None:
    host = Host(tmp_path, shared=(name,))
    host.deploy(1)
    (host.path / "current" / name / "photo").write_text("kept")
    host.deploy(2)
    assert (host.path / "current" / name / "photo").read_text() == "kept"
    assert (host.path / "shared" / name / "photo").read_text() == "kept"


def test_the_content_of_the_first_release_moves_there(tmp_path: Path) -> None:
    host = Host(tmp_path, shared=("var/media/",))
    host.target = replace(host.target, fetch=BRINGS)
    host.deploy(1)
    assert (host.path / "shared/var/media/logo").read_text() == "logo\n"
    (host.path / "current/var/media/logo").write_text("changed on the host")
    host.deploy(2)
    assert (host.path / "current/var/media/logo").read_text() == "changed on the host"


def test_a_file_of_the_release_moves_there_too(tmp_path: Path) -> None:
    host = Host(tmp_path, shared=(".env",))
    host.target = replace(host.target, fetch=SETTINGS)
    host.deploy(1)
    (host.path / "shared" / ".env").write_text("debug=1")
    host.deploy(2)
    assert (host.path / "current" / ".env").read_text() == "debug=1"


def test_a_file_that_nobody_has_is_named_before_the_switch(tmp_path: Path) -> None:
    host = Host(tmp_path, shared=("media", "config/.env"))
    execution = host.run(numbered(1))
    assert execution.failed is not None
    assert execution.failed.key == "shared"
    assert f"{host.path}/shared/config/.env is not there" in execution.failed.output
    assert not (host.path / "current").exists()
    (host.path / "shared/config/.env").write_text("debug=0")
    assert host.run(numbered(2)).failed is None


def test_a_folder_with_a_dot_in_its_name_is_one_with_a_slash_at_its_end(tmp_path: Path) -> None:
    host = Host(tmp_path, shared=(".cache/",))
    host.deploy(1)
    assert (host.path / "current" / ".cache").is_dir()
