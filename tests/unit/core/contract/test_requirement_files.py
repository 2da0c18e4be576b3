"""Requirements files, line by line as pip reads them."""

from __future__ import annotations

from pathlib import Path

from ci_ops.core.contract.requirement_files import read_requirement_files


def test_a_word_after_an_option_that_belongs_to_none_is_a_gap_and_not_lost(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("django==5.2.19\n-r base.txt extra\n")
    (tmp_path / "base.txt").write_text("flask==3.1.3\n")
    found = read_requirement_files(tmp_path / "requirements.txt", tmp_path)
    assert [each.text for each in found.lines] == ["django==5.2.19"]
    assert [(each.kind, each.file, each.line) for each in found.gaps] == [("option", "requirements.txt", 2)]
