"""Parsing of one configuration file from bytes to a tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.config.tree import Node, Place, Table, is_null, problem_at
from ci_ops.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 20

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What neither YAML nor a reader can show. Source: YAML 1.2.2 section 5.1, c-printable."""


def read_file(path: Path, *, file: str) -> Table:
    """Return the tree of a `.json`, `.yml` or `.yaml` file. Raises ConfigError.

    Messages call it `file`.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=file) from None
    return read_bytes(raw, file=file)


def read_bytes(raw: bytes, *, file: str) -> Table:
    """Return the tree of a document; the extension of `file` selects JSON or YAML. Raises ConfigError."""
    if len(raw) > MAX_BYTES:
        raise problem_at(Place(file), "larger than 1 MiB; a configuration has a few kilobytes")
    text = _decode(raw, file)
    if found := _UNPRINTABLE.search(text):
        place = _place_of(text, found.start(), file)
        raise problem_at(place, f"the character U+{ord(found.group()):04X} cannot stand in this file")
    node = _read(text, file)
    if is_null(node):
        return Table(node.place, {})
    if not isinstance(node, Table):
        raise problem_at(node.place, "expected keys such as `verify:` here")
    return node


def _read(text: str, file: str) -> Node:
    if file.endswith(".json"):
        from ci_ops.config.jsonfile import read_json  # noqa: PLC0415 - only what the file needs

        return read_json(text, file)
    from ci_ops.config.yamlfile import read_yaml  # noqa: PLC0415 - the same

    return read_yaml(text, file)


def _decode(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        place = _place_of(before, len(before), file)
        raise problem_at(place, "not UTF-8; save the file in that encoding") from None


def _place_of(text: str, index: int, file: str) -> Place:
    return Place(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
