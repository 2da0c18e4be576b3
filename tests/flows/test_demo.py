"""The demo is a test too: it asserts every step of its own story."""

from __future__ import annotations

import io
import json
from pathlib import Path

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


def is_running(pid: Path) -> bool:
    try:
        return Path(f"/proc/{pid.read_text().strip()}").exists()
    except FileNotFoundError:
        return False
