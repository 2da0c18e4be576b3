"""Requirements files as pip parses them, with every file they include.

Source: pip.pypa.io/en/stable/reference/requirements-file-format, and pip's own
`req_file.py` for the order of joining lines, removing comments and splitting options.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from optparse import OptionParser, Values

MAX_FILES = 50
_COMMENT = re.compile(r"(^|\s+)#.*$")
_ADDRESS = re.compile(r"(?i)(?:https?|ftp|file)://")
_VALUES = (
    *("-i --index-url --pypi-url", "--extra-index-url", "-f --find-links", "--no-binary", "--only-binary"),
    *("--trusted-host", "--use-feature", "--global-option", "--config-settings --config-setting -C"),
    *("--uploaded-prior-to", "--constraint-hash"),
)
_SWITCHES = ("--no-index", "--prefer-binary", "--require-hashes", "--pre")

GapKind = Literal["address", "variable", "outside", "missing", "option", "too-many"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One requirement of a requirements file, without its options."""

    text: str
    file: str
    """Relative to the project's root; begins with `../` above it."""
    line: int
    is_constraint: bool = False
    """True in a file that `-c` names: it limits a version and installs nothing."""
    is_editable: bool = False
    has_hash: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A reference in a requirements file that this parser cannot follow."""

    kind: GapKind
    """An address on the network, a variable in a path, a place outside the repository, a missing
    file, an option that pip does not know, or more than `MAX_FILES` files."""
    file: str
    line: int
    is_constraint: bool = False


@dataclass(slots=True)
class RequirementFiles:
    """Every line of a requirements file and of the files it includes."""

    lines: list[Line] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Every file that was read, the first one first."""


def read_requirement_files(path: Path, root: Path, boundary: Path | None = None) -> RequirementFiles:
    """Read `path` and what it includes with `-r` and `-c`, within `boundary` (the root if absent).

    Raises OSError or ValueError when `path` itself cannot be read.
    """
    reader = _Reader(root.resolve(), (boundary or root).resolve())
    reader.read(path, is_constraint=False)
    while reader.waiting:
        gap, included = reader.waiting.pop(0)
        reader.follow(gap, included)
    return reader.found


@dataclass(slots=True)
class _Reader:
    root: Path
    boundary: Path
    found: RequirementFiles = field(default_factory=RequirementFiles)
    waiting: list[tuple[Gap, Path]] = field(default_factory=list)
    _done: set[tuple[Path, bool]] = field(default_factory=set)

    def follow(self, gap: Gap, path: Path) -> None:
        """Read an included file; a failure becomes a gap."""
        if not path.resolve().is_relative_to(self.boundary):
            self.gap("outside", gap)
        elif len(self.found.files) >= MAX_FILES:
            self.gap("too-many", gap)
        else:
            try:
                self.read(path, is_constraint=gap.is_constraint)
            except (OSError, ValueError):
                self.gap("missing", gap)

    def gap(self, kind: GapKind, at: Gap) -> None:
        """Record that the referenced file was not read."""
        self.found.gaps.append(replace(at, kind=kind))

    def read(self, path: Path, *, is_constraint: bool) -> None:
        """Read one file; its includes are queued."""
        current = path.resolve()
        if (current, is_constraint) in self._done:
            return
        text = read_text_file(current)
        self._done.add((current, is_constraint))
        name = os.path.relpath(current, self.root).replace(os.sep, "/")
        self.found.files.append(name)
        for number, line in logical_lines(text):
            self._line(current, Gap(kind="option", file=name, line=number, is_constraint=is_constraint), line)

    def _line(self, path: Path, at: Gap, text: str) -> None:
        requirement, options = _split(text)
        try:
            parsed = _options(options)
        except ValueError:
            self.found.gaps.append(at)
            return
        listed = [(requirement, False)] if requirement else [(each, True) for each in parsed.editables or ()]
        for each, is_editable in listed:
            line = Line(
                text=each,
                file=at.file,
                line=at.line,
                is_constraint=at.is_constraint,
                is_editable=is_editable,
                has_hash=bool(parsed.hashes),
            )
            self.found.lines.append(line)
        for each in parsed.requirements or ():
            self._include(path, at, each)
        for each in parsed.constraints or ():
            self._include(path, replace(at, is_constraint=True), each)

    def _include(self, path: Path, at: Gap, named: str) -> None:
        if "${" in named:
            self.gap("variable", at)
        elif _ADDRESS.match(named):
            self.gap("address", at)
        else:
            self.waiting.append((at, path.parent / named))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, continuations joined, comments and blank lines removed."""
    held: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if held else number
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            held.append(line.strip("\\"))
            continue
        held.append(f" {line}" if is_comment else line)
        yield from _clean(start, held)
        held = []
    yield from _clean(start, held)


def _clean(start: int, held: list[str]) -> Iterator[tuple[int, str]]:
    clean = _COMMENT.sub("", "".join(held)).strip()
    if clean:
        yield start, clean


def _split(line: str) -> tuple[str, str]:
    """Return the requirement and its options, which begin at the first word with a leading dash."""
    words = line.split(" ")
    first = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:first]).strip(), " ".join(words[first:])


def _options(text: str) -> Values:
    """Return the options of a line, in every spelling that pip accepts. Raises ValueError for others."""
    words = shlex.split(text)
    parsed, rest = _parser().parse_args(words)
    if rest:
        raise ValueError("a word that belongs to no option")
    return parsed


@cache
def _parser() -> OptionParser:
    from optparse import OptionParser  # noqa: PLC0415 - only where a requirements file is read

    class Parser(OptionParser):
        def error(self, msg: str) -> None:  # type: ignore[override] # optparse would end the process
            raise ValueError(msg)

    parser = Parser(add_help_option=False)
    _add(parser, ("-r", "--requirement"), "requirements")
    _add(parser, ("-c", "--constraint"), "constraints")
    _add(parser, ("-e", "--editable"), "editables")
    _add(parser, ("--hash",), "hashes")
    for words in _VALUES:
        _add(parser, words.split(), "others")
    for word in _SWITCHES:
        parser.add_option(word, action="store_true", dest="switches")
    return parser


def _add(parser: OptionParser, words: Sequence[str], name: str) -> None:
    parser.add_option(*words, action="append", dest=name)
