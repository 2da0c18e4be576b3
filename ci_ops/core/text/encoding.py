"""Decoding of text files: byte order marks, and a limit on their size."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_TEXT_BYTES = 32 << 20
"""More than any lock file has; a larger file is refused before it fills the memory."""

_MARKS = (
    # UTF-32 first: its little-endian mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(raw: bytes) -> str:
    """Return the text of a file: UTF-8 unless a byte order mark says otherwise.

    Raises UnicodeDecodeError, a ValueError.
    """
    return raw.decode(next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8"))


def read_text_file(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return the text of a regular file. Raises OSError, or ValueError for binary or oversized ones."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is not a regular file")  # a pipe would never end
    with path.open("rb") as file:
        raw = file.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise ValueError(f"{path.name} is larger than {max_bytes >> 20} MiB")
    try:
        return decode(raw)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8 text") from None
