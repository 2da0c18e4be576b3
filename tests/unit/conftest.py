"""A project folder called `shop` in which commands are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal(folder=folder, monkeypatch=monkeypatch, capture=capsys)
