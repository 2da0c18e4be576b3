"""Reads the test cases of a JUnit report.

The report is written by the project's tests, so it may be hostile: no document types, hence no entities;
file, depth and number of cases are limited. Elements are counted, because the attributes `tests` and
`failures` disagree with them wherever tests are rerun or have subtests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_REPORT_BYTES = 64 << 20
MAX_DEPTH = 64
MAX_CASES = 200_000
MAX_TEXT_CHARACTERS = 4000
"""Of one case, the end: there pytest names the line."""

_ROOTS = ("testsuites", "testsuite")
_FLAKY = frozenset({"flakyFailure", "flakyError"})
"""Source: maven.apache.org/surefire, "Rerun Failing Tests": a test that passed after it failed."""


@dataclass(kw_only=True, slots=True)
class Case:
    """One `testcase` element."""

    classname: str = ""
    name: str = ""
    file: str = ""
    line: int = 0
    """Of the test's definition; 0 where the report does not say."""
    tags: set[str] = field(default_factory=set)
    """Names of the elements inside, such as `failure`."""
    message: str = ""
    text: str = ""
    """What the failure prints, at most its end."""

    @property
    def is_failed(self) -> bool:
        """True for a failure and for an error, however many of them the element holds."""
        return bool(self.tags & {"failure", "error"})

    @property
    def is_skipped(self) -> bool:
        """True for a test that did not run."""
        return "skipped" in self.tags and not self.is_failed

    @property
    def is_flaky(self) -> bool:
        """True where the report itself says that the test passed only in a later run."""
        return bool(self.tags & _FLAKY)

    @property
    def key(self) -> object:
        """Equal for the reports of one test; a case without a name is like no other."""
        return (self.classname, self.name) if self.name else id(self)

    @property
    def title(self) -> str:
        """The test as a reader knows it."""
        return "::".join(filter(None, (self.classname, self.name))) or "a test without a name"


def read_junit(path: Path) -> list[Case]:
    """Return every case of the report. Raises OSError, ValueError."""
    reader = _Reader()
    try:
        reader.parser.Parse(read_text_file(path, max_bytes=MAX_REPORT_BYTES), True)  # noqa: FBT003 - expat's own order
    except expat.ExpatError as error:
        raise ValueError(f"it is no whole XML document: {error}") from None
    return reader.cases


class _Reader:
    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[str] = []
        self._case: Case | None = None

    def _refuse_doctype(self, *_: object) -> None:
        raise ValueError("it declares a document type, which no JUnit report needs")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self._open and tag not in _ROOTS:
            raise ValueError(f"it is no JUnit report: its root is <{tag[:50]}>")
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise ValueError(f"its elements are nested deeper than {MAX_DEPTH}")
        if tag == "testcase":
            self._case = _case(attributes)
            self.cases.append(self._case)
            if len(self.cases) > MAX_CASES:
                raise ValueError(f"it has more than {MAX_CASES} test cases")
        elif self._case is not None:
            self._case.tags.add(tag)
            if tag in {"failure", "error"} and not self._case.message:
                self._case.message = attributes.get("message", "")[:MAX_TEXT_CHARACTERS]

    def _end(self, tag: str) -> None:
        self._open.pop()
        if tag == "testcase":
            self._case = None

    def _text(self, data: str) -> None:
        if self._case is not None and self._open[-1] in {"failure", "error"}:
            self._case.text = (self._case.text + data)[-MAX_TEXT_CHARACTERS:]


def _case(attributes: Mapping[str, str]) -> Case:
    line = attributes.get("line", "")
    return Case(
        classname=attributes.get("classname", ""),
        name=attributes.get("name", ""),
        file=attributes.get("file", ""),
        line=int(line) + 1 if line.isdecimal() and len(line) < 8 else 0,
    )
