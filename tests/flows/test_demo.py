"""The demo is a test too: it asserts every step of its own story."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from ci_ops.core.errors import UsageError
from ci_ops.demo.play import play


def test_all_of_it_happens(tmp_path: Path) -> None:
    out = io.StringIO()
    assert play(tmp_path / "demo", out=out) == 0
    story = out.getvalue()
    assert "All of it happened." in story
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    ends = [(each["command"], each["reason"]) for each in report["reports"]]
    assert ends == [
        ("readiness", "ok"),
        ("deploy", "ok"),
        ("verify", "ok"),
        ("notify", "ok"),
        ("deploy", "ok"),
        ("verify", "findings"),
        ("rollback", "ok"),
        ("notify", "ok"),
    ]
    summary = (tmp_path / "demo" / "summary.md").read_text()
    assert summary.count("```mermaid") == 3
    assert story.count("  > ") == 6
    assert not [path for path in (tmp_path / "demo" / "srv" / "run").glob("*.pid") if is_running(path)]


def test_a_stop_ends_the_shop_and_says_so(tmp_path: Path) -> None:
    said = Stopping()
    assert play(tmp_path / "demo", out=said) == 130
    assert "Stopped before its end" in said.getvalue()
    assert not list((tmp_path / "demo" / "srv" / "run").glob("*.pid"))
    assert "All of it happened" not in said.getvalue()


@pytest.mark.parametrize("name", ["taken", "taken/file"])
def test_a_folder_in_use_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(UsageError, match=r"is not empty|cannot be used"):
        play(tmp_path / name, out=io.StringIO())


def test_inside_a_hook_of_git_and_under_a_strange_name_it_is_the_same_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    assert play(Path("a b'c: #d"), out=io.StringIO()) == 0


class Stopping(io.StringIO):
    """Interrupts this process once the first deployment has ended."""

    def write(self, text: str, /) -> int:
        if text.startswith("  = deploy"):
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def is_running(pid: Path) -> bool:
    try:
        return Path(f"/proc/{pid.read_text().strip()}").exists()
    except FileNotFoundError:
        return False
