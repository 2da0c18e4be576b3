"""Files that survive a crash at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.errors import StorageError, UsageError
from ci_ops.core.ports.lease import Holder
from ci_ops.edge.lease import LOCK_FILE, FileLease
from ci_ops.edge.store import LocalStore
from tests.support.parts import lack
from tests.support.small_disk import fill, small_disk

LINE = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"))


def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "state")
    assert store.names("") == ()
    assert store.read("record.json") is None
    assert store.lines("a.jsonl").read() == ()
    assert not (tmp_path / "state").exists()


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    lines = LocalStore(tmp_path / "deep" / "state").lines("a.jsonl")
    for line in ("one", "", "zwei · 2"):
        lines.append(line)
    assert lines.read() == ("one", "", "zwei · 2")
    assert (tmp_path / "deep/state/a.jsonl").read_bytes() == "one\n\nzwei · 2\n".encode()


@given(lines=st.lists(LINE), torn=st.binary().filter(lambda data: b"\n" not in data), after=LINE)
def test_a_torn_last_line_is_left_out_and_never_comes_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], torn: bytes, after: str
) -> None:
    path = tmp_path_factory.mktemp("store") / "a.jsonl"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode() + torn)
    file = LocalStore(path.parent).lines("a.jsonl")
    assert file.read() == tuple(lines)
    file.append(after)
    assert file.read() == (*lines, after)


def test_what_is_written_is_on_the_disk_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))

    monkeypatch.setattr(os, "fsync", record)
    store = LocalStore(tmp_path / "new" / "state")
    store.lines("a.jsonl").append("one")
    assert synced == [".", "new", "new/state/a.jsonl", "new/state"]
    store.lines("a.jsonl").append("two")
    assert synced[4:] == ["new/state/a.jsonl"]
    store.write("b", "text")
    assert synced[5:] == [f"new/state/.b.{os.getpid()}.tmp", "new/state"]


def test_an_empty_file_is_a_file_without_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    lines = LocalStore(tmp_path).lines("a.jsonl")
    assert lines.read() == ()
    lines.append("one")
    assert lines.read() == ("one",)


@pytest.mark.parametrize("line", ["a\nb", "a\r", "\n"])
def test_a_line_with_a_line_end_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        LocalStore(tmp_path).lines("a.jsonl").append(line)
    assert LocalStore(tmp_path).names("") == ()


def test_many_threads_may_append_to_one_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def append(number: int) -> None:
        for turn in range(20):
            store.lines("a.jsonl").append(f"{number}-{turn}")

    threads = [threading.Thread(target=append, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"{number}-{turn}" for number in range(5) for turn in range(20))
    assert sorted(store.lines("a.jsonl").read()) == expected


APPENDING = """
import sys
from pathlib import Path
from ci_ops.edge.store import LocalStore

lines = LocalStore(Path(sys.argv[1])).lines("a.jsonl")
number = 0
while True:
    number += 1
    lines.append(str(number) * 50)
    print(number, flush=True)
"""


def test_what_was_appended_before_a_violent_end_is_there(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", APPENDING, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    with writer:
        told = [next(writer.stdout) for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        told += list(writer.stdout)
    lines = LocalStore(tmp_path).lines("a.jsonl")
    last = len(told)
    assert lines.read()[:last] == tuple(str(number) * 50 for number in range(1, last + 1))
    lines.append("after")
    assert lines.read()[-1] == "after"


def test_a_whole_file_is_replaced_at_once_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "state")
    assert store.write("record.json", "old") == tmp_path / "state" / "record.json"
    store.write("record.json", "new ·\n")
    assert store.read("record.json") == "new ·\n"
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["record.json"]


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(UsageError, match="cannot be used") as caught:
        LocalStore(tmp_path).write("record.json", "new")
    assert caught.value.where == str(tmp_path / "record.json")
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_text_that_utf8_cannot_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write("a", "old")
    with pytest.raises(UnicodeEncodeError):
        store.write("a", "\ud800")
    assert store.read("a") == "old"
    assert store.names("") == ("a",)


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    texts = {"a" * 100_000, "b" * 100_000}
    store.write("record.json", "a" * 100_000)
    seen: set[str | None] = set()
    finished = threading.Event()

    def read() -> None:
        while not finished.is_set():
            seen.add(store.read("record.json"))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        for text in sorted(texts):
            store.write("record.json", text)
    finished.set()
    reader.join()
    assert seen <= texts


def test_names_are_sorted_and_only_of_files_with_the_suffix(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name in ("b.journal.jsonl", "a.journal.jsonl", "ledger.jsonl"):
        store.lines(name).append("x")
    (tmp_path / "folder.journal.jsonl").mkdir()
    (tmp_path / ".hidden.journal.jsonl").touch()
    assert store.names(".journal.jsonl") == ("a.journal.jsonl", "b.journal.jsonl")
    assert store.names("") == ("a.journal.jsonl", "b.journal.jsonl", "ledger.jsonl")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/x", ".hidden", "a\nb", "a" * 201, "C:x"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    store = LocalStore(tmp_path)
    for use in (store.read, store.lines, lambda name: store.write(name, "")):
        with pytest.raises(ValueError, match="not a name"):
            use(name)


def test_a_place_that_cannot_be_used_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = LocalStore(tmp_path / "file" / "state")
    with pytest.raises(UsageError) as caught:
        store.lines("a.jsonl").append("x")
    assert str(tmp_path / "file") in caught.value.where
    assert "owner" in caught.value.hint


def test_files_follow_the_users_umask_so_that_colleagues_can_read_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = LocalStore(tmp_path).write("a", "x")
        LocalStore(tmp_path).lines("b").append("x")
    finally:
        os.umask(before)
    assert [oct(Path(file).stat().st_mode & 0o777) for file in (path, tmp_path / "b")] == ["0o640", "0o640"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk(tmp_path / "disk", size="1m") as folder:
        yield folder


def test_the_end_of_a_deployment_can_be_written_on_a_full_disk(disk: Path) -> None:
    store = LocalStore(disk / "state")
    store.hold_reserve()
    lines = store.lines("a.jsonl")
    lines.append("begun")
    fill(disk)
    lines.append("failed")
    (disk / "filler").unlink()
    assert lines.read() == ("begun", "failed")
    assert store.names("") == ("a.jsonl",)
    store.hold_reserve()
    fill(disk)
    lines.append("the reserve is there again")


def test_a_disk_without_any_room_is_nobodys_wrong_usage(disk: Path) -> None:
    fill(disk)
    with pytest.raises(StorageError, match="No space left") as caught:
        LocalStore(disk).lines("a.jsonl").append("x" * 9000)
    assert caught.value.exit_code == 3
    assert "Make room" in caught.value.hint
    assert LocalStore(disk).lines("a.jsonl").read() == ()


def every_use(store: LocalStore) -> list[Callable[[], object]]:
    """Everything that a store does with the file `a.jsonl`."""
    return [
        lambda: store.read("a.jsonl"),
        lambda: store.lines("a.jsonl").read(),
        lambda: store.lines("a.jsonl").append("x"),
        lambda: FileLease(store.directory, root=store.root).acquire(Holder(since=datetime.now(UTC))),
    ]


def test_a_link_in_the_place_of_a_file_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.write_text("precious\n")
    folder = tmp_path / "state"
    folder.mkdir()
    for target in (outside, tmp_path / "not-there"):
        for name in ("a.jsonl", LOCK_FILE):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target)
        for use in every_use(LocalStore(folder)):
            with pytest.raises(StorageError, match="links are not followed"):
                use()
        assert LocalStore(folder).names("") == ()
    LocalStore(folder).write("a.jsonl", "new")
    assert (folder / "a.jsonl").read_text() == "new"
    assert not (folder / "a.jsonl").is_symlink()
    assert outside.read_text() == "precious\n"
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize("level", ["state", "state/shop", "state/shop/production"])
def test_a_link_in_the_place_of_a_folder_up_to_the_root_is_not_followed(tmp_path: Path, level: str) -> None:
    outside = tmp_path / "outside"
    (outside / "shop" / "production").mkdir(parents=True)
    (outside / "production").mkdir()
    link = tmp_path / level
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    store = LocalStore(tmp_path / "state" / "shop" / "production", root=tmp_path / "state")
    more: list[Callable[[], object]] = [lambda: store.write("b", "x"), lambda: store.names("")]
    for use in (*every_use(store), *more):
        with pytest.raises(StorageError, match="links are not followed"):
            use()
    assert [path for path in outside.rglob("*") if path.is_file()] == []


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    os.mkfifo(tmp_path / LOCK_FILE)
    for use in every_use(LocalStore(tmp_path)):
        with pytest.raises(StorageError, match="no regular file"):
            use()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_everybody_may_write_is_not_obeyed(tmp_path: Path, what: str) -> None:
    store = LocalStore(tmp_path / "state")
    path = store.write("a.jsonl", "x\n")
    (path.parent if what == "folder" else path).chmod(0o777 if what == "folder" else 0o666)
    with pytest.raises(StorageError, match="every user may write to it"):
        store.lines("a.jsonl").read()
    with pytest.raises(StorageError, match="chmod o-w"):
        store.lines("a.jsonl").append("y")
    assert path.read_text() == "x\n"


def as_root(*command: str | Path) -> None:
    """Run a command that gives files away; needs root or a sudo without password."""
    try:
        subprocess.run(
            [*([] if os.geteuid() == 0 else ["sudo", "-n"]), *command], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        lack("root", "run the tests as root, or with a sudo that asks for no password")


def test_what_another_user_wrote_is_not_obeyed_unless_the_folder_is_theirs_or_shared(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "state")
    path = store.write("a.jsonl", "x\n")
    as_root("chown", "12345:12345", path)
    with pytest.raises(StorageError, match="belongs to another user"):
        store.lines("a.jsonl").read()
    as_root("chgrp", "12345", path.parent)
    as_root("chmod", "2775", path.parent)
    assert store.lines("a.jsonl").read() == ("x",)
    as_root("chmod", "755", path.parent)
    as_root("chown", "12345", path.parent)
    with pytest.raises(StorageError, match="belongs to another user"):
        store.lines("a.jsonl").read()
    as_root("chown", "12345", tmp_path)
    assert store.lines("a.jsonl").read() == ("x",)
    as_root("chown", str(os.getuid()), tmp_path, path.parent, path)


def test_nothing_is_made_that_everybody_may_write(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = LocalStore(tmp_path / "state").write("a", "x")
        LocalStore(tmp_path / "state").lines("b").append("x")
    finally:
        os.umask(before)
    for each in (path, path.parent, path.with_name("b")):
        assert not each.stat().st_mode & 0o002


def test_names_that_are_none_of_ours_are_passed_over(tmp_path: Path) -> None:
    for name in ("a b.jsonl", "ä.jsonl", "-x.jsonl", "new\nline.jsonl", "ok.jsonl"):
        (tmp_path / name).touch()
    assert LocalStore(tmp_path).names(".jsonl") == ("ok.jsonl",)
