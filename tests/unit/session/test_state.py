"""Where a session keeps its state, and what a checkout may not bring there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.core.git import Git
from ci_ops.session.call import traits_of
from ci_ops.session.state import state_folder
from tests.support.checking import a_world
from tests.support.cli import Said, Terminal
from tests.support.shop import ONE


def kept(folder: Path, command: str, notes: list[str]) -> Path:
    return state_folder(
        folder, git=Git(folder.parent, a_world()), traits=traits_of(command), note=notes.append
    )


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that not even root can write to")
def test_a_project_that_cannot_be_written_is_looked_at_all_the_same() -> None:
    notes: list[str] = []
    elsewhere = kept(Path("/sys/.ci-ops"), "verify", notes)
    assert elsewhere.is_dir()
    elsewhere.rmdir()
    assert notes[0].startswith("/sys/.ci-ops is not used (")
    with pytest.raises(UsageError, match="cannot be used"):
        kept(Path("/sys/.ci-ops"), "deploy", notes)


def test_the_folder_is_made_with_an_ignore_file_and_used_again(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for _ in range(2):
        assert kept(tmp_path / ".ci-ops", "deploy", []) == tmp_path / ".ci-ops"
    assert (tmp_path / ".ci-ops" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("brought", ["a tracked file", "a link", "a linked .gitignore"])
def test_what_a_checkout_brings_is_used_by_nobody(tmp_path: Path, brought: str) -> None:
    folder, outside = tmp_path / "work" / ".ci-ops", tmp_path / "outside"
    folder.parent.mkdir()
    subprocess.run(["git", "init", "-q", folder.parent], check=True)
    if brought == "a link":
        outside.mkdir()
        folder.symlink_to(outside)
    else:
        folder.mkdir()
    if brought == "a tracked file":
        (folder / "production").mkdir()
        (folder / "production" / "ledger.jsonl").touch()
        subprocess.run(["git", "add", "-f", "."], cwd=folder.parent, check=True)
    elif brought == "a linked .gitignore":
        (folder / ".gitignore").symlink_to(outside / "made")
    notes: list[str] = []
    elsewhere = kept(folder, "readiness", notes)
    assert not elsewhere.is_relative_to(tmp_path)
    assert "not used" in notes[0]
    with pytest.raises(
        UsageError, match="git rm -r --cached" if "tracked" in brought else "links are not followed"
    ):
        kept(folder, "deploy", [])
    assert [path for path in outside.rglob("*") if path.is_file()] == []


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("name", "text", "codes"),
    [
        ("ledger.jsonl", DEEP, {0}),
        ("last-report.json", DEEP, {0}),
        ("deliveries.jsonl", DEEP, {0}),
        ("20250101T000000Z-2222222.journal.jsonl", DEEP, {3}),
        ("20250101T000000Z-2222222.journal.jsonl", '{"schema": 1, "mark": "begun", "record": []}', {3}),
        ("20250101T000000Z-2222222.journal.jsonl", '{"schema": 1, "mark": ["begun"]}', {3}),
        ("zzz.journal.jsonl", "nonsense", {0}),
        ("nonsense name.journal.jsonl", "nonsense", {0}),
    ],
)
@pytest.mark.parametrize("command", ["deploy", "rollback", "verify", "notify"])
def test_nonsense_in_the_state_is_no_defect_of_ours(
    terminal: Terminal, name: str, text: str, codes: set[int], command: str
) -> None:
    terminal.write("ci-ops.yml", "version: 1\nservice: shop\n")
    deploy = ("deploy", "--revision", ONE, "--run", "true", "--undo", "true", "--no-verify")
    assert terminal.run(*deploy).code == 0
    (place,) = (path.parent for path in (terminal.folder / ".ci-ops").rglob("ledger.jsonl"))
    for old in place.glob("*.journal.jsonl"):
        old.unlink()
    (place / name).write_text(f"{text}\n")
    said = terminal.run(*(deploy if command == "deploy" else (command,)))
    assert said.code != 70, said.err
    if command == "deploy":
        assert said.code in codes, said.err


def test_the_releases_of_one_service_are_not_deployed_over_by_another(
    tmp_path: Path, terminal: Terminal
) -> None:
    def deploy(service: str, *more: str) -> Said:
        target = f"{{type: releases, path: {tmp_path}/srv, fetch: 'touch \"$DEPLOYMENT_RELEASE_DIR/app\"'}}"
        terminal.write("ci-ops.yml", f"version: 1\n{service}deploy: {{verify: false, target: {target}}}\n")
        return terminal.run("deploy", "--revision", ONE, *more)

    mark = tmp_path / "srv" / ".ci-ops" / "service"
    assert deploy("service: shop\n", "--dry-run").code == 0
    assert not mark.exists()
    assert deploy("service: shop\n").code == 0
    assert mark.read_text() == "shop\n"
    live = (tmp_path / "srv" / "current").resolve()
    for more in ((), ("--dry-run",)):
        said = deploy("service: web\n", *more)
        assert said.code == 2
        assert f"{tmp_path}/srv: these are the releases of the service 'shop', not of 'web'" in said.err
        assert f"delete {mark}" in said.err
    assert (tmp_path / "srv" / "current").resolve() == live
    assert deploy("", "--force").code == 0  # a name that nobody wrote differs from folder to folder
