"""Text files, whatever they begin with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_ops.core.text.encoding import read_text_file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "file").write_bytes("name=ü\n".encode(encoding))
    assert read_text_file(tmp_path / "file") == "name=ü\n"


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="large is larger than"):
        read_text_file(tmp_path / "large", max_bytes=10)
    (tmp_path / "bytes").write_bytes(b"\xff\xfa\x00")
    with pytest.raises(ValueError, match="bytes is not UTF-8 text"):
        read_text_file(tmp_path / "bytes")
    with pytest.raises(ValueError, match="is not a regular file"):
        read_text_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        read_text_file(tmp_path / "pipe")
