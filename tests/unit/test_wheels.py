"""Wheels fetched by ourselves: what is fetched, what is left to pip, what is refused."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import parts
from tests.support.certificates import bundle, server_context
from tests.support.loading import load_by_path
from tests.support.waiting import wait_until
from tests.support.web import Asked, Reply, serving
from tests.support.wheelhouse import Index, serve_index, tiny_wheel

LOCKS = sorted((parts.ROOT / "actions" / "locks").glob("*.txt"))
wheels = load_by_path(parts.ROOT / "actions" / "wheels.py")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An index, a lock and the folder that its packages go to."""

    index: Index
    folder: Path
    lock: Path

    def fetch(self, *lines: str, seconds: float = 20.0) -> str:
        """What `fetch` says of a lock with these lines."""
        self.lock.write_text("".join(lines))
        return str(wheels.fetch(str(self.lock), str(self.folder), seconds=seconds))

    @property
    def unpacked(self) -> set[str]:
        """The files in the folder, without metadata."""
        files = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {str(file) for file in files if ".dist-info" not in str(file)}


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with serve_index() as served:
        yield served


@pytest.fixture
def place(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    index.forget()
    index.speaks_json = True
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return Place(index=index, folder=tmp_path / "lib", lock=tmp_path / "lock.txt")


def serve_file(place: Place, monkeypatch: pytest.MonkeyPatch, index_url: str) -> str:
    """Ask another index; the lock line of the package `one`."""
    monkeypatch.setenv("PIP_INDEX_URL", index_url)
    return place.index.add("one")


def test_what_a_lock_names_is_unpacked_with_its_metadata(place: Place) -> None:
    assert place.fetch(place.index.add("one"), place.index.add("two")) == ""
    assert place.unpacked == {"one.py", "two.py"}
    assert (place.folder / "one-1.0.dist-info" / "METADATA").exists()
    assert place.index.askers == {"ci-ops"}


def test_every_package_is_asked_for_at_once(place: Place) -> None:
    lines = [place.index.add(f"package{number}") for number in range(12)]
    place.index.go_on.clear()
    said: list[str] = []
    work = threading.Thread(target=lambda: said.append(place.fetch(*lines)))
    work.start()
    try:
        wait_until(lambda: sum(path.startswith("/files/") for path in place.index.asked) == len(lines))
    finally:
        place.index.go_on.set()
        work.join()
    assert said == [""]
    assert len(place.unpacked) == len(lines)


def test_libraries_are_lifted_out_of_the_data_folder_and_programs_stay_out(place: Place) -> None:
    line = place.index.add(
        "one",
        **{
            "one-1.0.data/purelib/pure/a.py": "",
            "one-1.0.data/platlib/plat.so": "",
            "one-1.0.data/scripts/run": "",
            "one-1.0.data/headers/one.h": "",
        },
    )
    assert place.fetch(line) == ""
    assert place.unpacked == {"one.py", "pure/a.py", "plat.so"}


def test_what_could_be_run_in_a_wheel_can_be_run_once_unpacked(place: Place) -> None:
    assert place.fetch(place.index.add("one", tool="#!/bin/sh\n")) == ""
    assert stat.S_IMODE((place.folder / "one.py").stat().st_mode) & 0o111 == 0


def test_lines_for_other_systems_are_left_out(place: Place) -> None:
    theirs = place.index.add("theirs").replace("==1.0", "==1.0 ; sys_platform == 'none'")
    ours = place.index.add("ours").replace("==1.0", "==1.0 ; python_version >= '3' and os_name != ''")
    assert place.fetch(theirs, ours) == ""
    assert place.unpacked == {"ours.py"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_locks_of_the_actions_are_understood(lock: Path) -> None:
    text = lock.read_text()
    requirements = [Requirement(each) for each in re.findall(r"^([^\s-].*?) \\$", text, re.MULTILINE)]
    wanted = wheels.read_lock(text)
    assert [each.name for each in wanted] == [
        canonicalize_name(each.name) for each in requirements if not each.marker or each.marker.evaluate()
    ]
    digests = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    assert wanted
    assert all(each.hashes and each.hashes <= digests for each in wanted)


@pytest.mark.parametrize(
    "line",
    [
        "one>=1.0 --hash=sha256:" + "0" * 64,
        "--index-url https://elsewhere.example/simple",
        "one @ https://elsewhere.example/one.whl --hash=sha256:" + "0" * 64,
        "one==1.0 --hash=sha256:short",
        "one==1.0 --hash=md5:" + "0" * 32,
        "# a comment",
    ],
)
def test_a_lock_of_another_form_is_left_to_pip(place: Place, line: str) -> None:
    assert place.fetch(line + "\n") == "the lock has a line of another form"
    assert place.index.asked == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PIP_CLIENT_CERT", "/none.pem", "pip is configured with client-cert"),
        ("PIP_EXTRA_INDEX_URL", "https://elsewhere.example", "pip is configured with extra-index-url"),
        ("PIP_FIND_LINKS", "/wheels", "pip is configured with find-links"),
        ("PIP_KEYRING_PROVIDER", "subprocess", "pip is configured with keyring-provider"),
        ("PIP_NO_INDEX", "1", "pip is configured with no-index"),
        ("PIP_PROXY", "http://127.0.0.1:1", "pip is configured with proxy"),
        ("PIP_TRUSTED_HOST", "127.0.0.1", "pip is configured with trusted-host"),
        ("PIP_CERT", "/no/such/file.pem", "FileNotFoundError"),
        ("PIP_INDEX_URL", "https://me:hunter2@127.0.0.1:1/simple", "the index is not used over https"),
        ("PIP_INDEX_URL", "http://elsewhere.example/simple", "the index is not used over https"),
        ("PIP_INDEX_URL", "http://127.0.0.1:1/simple", "URLError"),
        ("http_proxy", "http://127.0.0.1:1", "URLError"),
    ],
)
def test_unusual_settings_are_left_to_pip(
    place: Place, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    said = place.fetch(place.index.add("one"))
    assert said.startswith(reason)
    assert "hunter2" not in said
    assert place.index.asked == []
    assert place.unpacked == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[global]\nextra-index-url = https://elsewhere.example\n", "pip is configured with extra-index-url"),
        ("[install]\nfind_links = /wheels\n", "pip is configured with find-links"),
        ("[global\n", "MissingSectionHeaderError"),
        ("[freeze]\nfind-links = /wheels\n[global]\ntimeout = 60\n[install]\nuser = yes\n", ""),
    ],
)
def test_pips_own_configuration_files_count(
    place: Place, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "")
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(text)
    assert place.fetch(place.index.add("one")) == reason


def test_the_index_of_a_configuration_file_is_asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    file = place.lock.with_name("pip.conf")
    file.write_text(f"[global]\nindex-url = http://127.0.0.1:1/\n[install]\nindex-url = {place.index.url}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert place.fetch(place.index.add("one")) == ""


def test_an_index_that_speaks_html_alone_is_left_to_pip(place: Place) -> None:
    place.index.speaks_json = False
    assert place.fetch(place.index.add("one")) == "the index does not speak JSON"


def test_a_package_that_the_index_has_not_is_left_to_pip(place: Place) -> None:
    line = place.index.add("one")
    del place.index.wheels["one"]
    assert place.fetch(line) == "the index answered 404"


def test_a_wheel_for_another_system_is_left_to_pip(place: Place) -> None:
    line = place.index.add("one", tag="cp39-cp39-plan9_mips")
    assert place.fetch(line) == "the index has no locked wheel of one that fits"


def test_a_wheel_with_data_files_is_left_to_pip(place: Place) -> None:
    assert place.fetch(place.index.add("one", **{"one-1.0.data/data/etc/x": ""})) == "a wheel has data files"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"meta": {"api-version": "2.0"}, "files": []}',
        b'{"meta": {"api-version": "1.0"}, "files": [{}]}',
        b'{"meta": {"api-version": "1.0"}, "files": [{"hashes": [], "filename": 1}]}',
        b"\xff",
    ],
)
def test_a_page_of_another_form_is_left_to_pip(place: Place, body: bytes) -> None:
    place.index.damage = lambda _path, _body: body
    assert place.fetch(place.index.add("one")) != ""
    assert place.unpacked == set()


def test_an_index_that_takes_its_time_is_left_to_pip(place: Place) -> None:
    line = place.index.add("one")
    place.index.go_on.clear()
    try:
        assert place.fetch(line, seconds=0.3) == "the index takes its time"
    finally:
        place.index.go_on.set()


def test_an_answer_that_is_cut_off_is_left_to_pip_and_not_called_a_forgery(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page_then_half(asked: Asked) -> Reply | None:
        if asked.path.endswith("/one/"):
            kind, body = place.index.page("one")
            return Reply(body=body, headers={"Content-Type": kind})
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\nPK")
        return None

    with serving(page_then_half) as server:
        line = serve_file(place, monkeypatch, server.url("/simple"))
        assert place.fetch(line) == "an answer of the index was cut off"


@pytest.mark.parametrize("name", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_index_with_a_certificate_of_an_own_authority_is_believed_when_told_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def pages(asked: Asked) -> Reply:
        kind, body = place.index.answer(asked.path, "") or ("", b"")
        return Reply(body=body, headers={"Content-Type": kind})

    with serving(pages, context=server_context()) as server:
        line = serve_file(place, monkeypatch, server.url("/simple"))
        assert place.fetch(line) == "URLError"
        monkeypatch.setenv(name, str(bundle(place.lock.parent)))
        assert place.fetch(line) == ""
    assert place.unpacked == {"one.py"}


def test_the_wheel_that_fits_best_is_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = {"py2.py3-none-any": "a", "py3-none-any": "b", "cp39-abi3-plan9_mips": "c"}
    python = f"py3{sys.version_info.minor}"
    digits[f"{python}-none-any"] = "d"
    files = [
        {"filename": f"one-1.0-{tag}.whl", "url": digit, "hashes": {"sha256": digit * 64}}
        for tag, digit in digits.items()
    ]
    document = json.dumps({"meta": {"api-version": "1.1"}, "files": files}).encode()

    def pages(asked: Asked) -> Reply:
        return Reply(body=document, headers={"Content-Type": wheels.JSON_FORM})

    with serving(pages) as server:
        serve_file(place, monkeypatch, server.url("/simple"))
        line = "one==1.0" + "".join(f" --hash=sha256:{digit * 64}" for digit in digits.values())
        with pytest.raises(wheels.Refused):
            place.fetch(line)
        assert server.targets == ["/simple/one/", "/simple/one/d"]


def test_other_bytes_than_those_locked_are_refused(place: Place) -> None:
    line = place.index.add("one")
    hostile = tiny_wheel("one", "raise SystemExit('hostile')\n")
    place.index.damage = lambda path, body: hostile if path.startswith("/files") else body
    with pytest.raises(wheels.Refused, match="another file than the locked wheel of one"):
        place.fetch(line)
    assert place.unpacked == set()


@pytest.mark.parametrize(
    "member",
    [
        "../evil.py",
        "one/../../evil.py",
        "/evil.py",
        "one//evil.py",
        "./evil.py",
        "..",
        "..\\evil.py",
        "C:evil.py",
        "one-1.0.data/purelib/../../../evil.py",
    ],
)
def test_a_member_that_wants_out_of_its_folder_is_refused(place: Place, member: str) -> None:
    line = place.index.add("one", **{member: "evil"})
    with pytest.raises(wheels.Refused, match="wants out of its folder"):
        place.fetch(line)
    assert place.unpacked == set()
    assert not any("evil" in path.name for path in place.folder.parent.rglob("*"))


def test_the_path_of_modules_is_left_as_it_was(place: Place) -> None:
    before: list[Any] = [*sys.path]
    place.fetch(place.index.add("one"))
    assert sys.path == before
