"""The JSON twin of the configuration file, read into the same tree.

Every JSON document is YAML 1.2, but not to a YAML 1.1 parser such as PyYAML
(surrogate pairs, tabs, long keys), and `json` keeps no places; so it has its
own reader. Source: RFC 8259.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from ci_ops.config.tree import Entry, Listing, Node, Place, Scalar, Table, add_entry, problem_at
from ci_ops.config.yamlfile import MAX_DEPTH, MAX_NODES
from ci_ops.core.errors import ConfigError, Problem

_BLANKS = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r"""[][{},:]
    | "[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"
    | -?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.+-])
    | (?:true|false|null)(?!\w)""",
    re.VERBOSE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_WANTED = {",": "a comma", ":": "a colon", '"': "a key in double quotes"}


def read_json(text: str, file: str) -> Node:
    """The document's tree.

    Raises ConfigError with every duplicate key, or the first thing not understood.
    """
    reader = _Reader(text, file)
    node = reader.node(0)
    if reader.token:
        raise reader.unexpected("the end of the file")
    if reader.problems:
        raise ConfigError(reader.problems)
    return node


@dataclass(slots=True)
class _Reader:
    """One token ahead."""

    text: str
    file: str
    problems: list[Problem] = field(default_factory=list)
    token: str = ""
    """The token ahead; empty at the end of the file."""
    at: int = 0
    """Where it begins."""
    end: int = 0
    line: int = 1
    line_at: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        self.advance()

    def advance(self) -> str:
        """Take the token, and look at the next."""
        taken = self.token
        blanks = _BLANKS.match(self.text, self.end)
        assert blanks is not None
        self.at = blanks.end()
        lines = self.text.count("\n", self.end, self.at)
        if lines:
            self.line += lines
            self.line_at = self.text.rindex("\n", self.end, self.at) + 1
        found = _TOKEN.match(self.text, self.at)
        if found is None and self.at < len(self.text):
            raise problem_at(
                self.place, "not JSON: no comments, no single quotes, every string closed on its line"
            )
        self.token = found.group() if found else ""
        self.end = self.at + len(self.token)
        return taken

    @property
    def place(self) -> Place:
        """Where the token ahead begins."""
        return Place(self.file, self.line, self.at - self.line_at + 1)

    def node(self, depth: int) -> Node:
        """The value that begins with the token ahead."""
        place = self.place
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            raise problem_at(place, f"more than {MAX_NODES} values, or nested more than {MAX_DEPTH} deep")
        if self.token == "[":
            return Listing(place, tuple(self.items(depth)))
        if self.token == "{":
            return Table(place, self.entries(depth))
        if not self.token or self.token in "]},:":
            raise self.unexpected("a value")
        if self.token[0] == '"':
            return Scalar(place, self.string(), is_plain=False)
        return Scalar(place, self.advance(), is_plain=True)

    def items(self, depth: int) -> list[Node]:
        """Everything up to the closing bracket."""
        self.advance()
        nodes: list[Node] = []
        while self.token != "]" or nodes:
            nodes.append(self.node(depth + 1))
            if self.token == "]":
                break
            self.expect(",")
        self.advance()
        return nodes

    def entries(self, depth: int) -> dict[str, Entry]:
        """Everything up to the closing brace."""
        self.advance()
        entries: dict[str, Entry] = {}
        while self.token != "}" or entries:
            place = self.place
            if self.token[:1] != '"':
                raise self.unexpected(_WANTED['"'])
            key = self.string()
            self.expect(":")
            node = self.node(depth + 1)
            add_entry(entries, key, Entry(place, node), self.problems)
            if self.token == "}":
                break
            self.expect(",")
        self.advance()
        return entries

    def string(self) -> str:
        """The text of the token ahead, which is a string."""
        place, text = self.place, str(json.loads(self.advance()))
        if _SURROGATE.search(text):
            raise problem_at(place, "half a surrogate pair, which is no character")
        return text

    def expect(self, token: str) -> None:
        """Take this very token."""
        if self.token != token:
            raise self.unexpected(_WANTED[token])
        self.advance()

    def unexpected(self, wanted: str) -> ConfigError:
        """The error that something else stands here."""
        return problem_at(self.place, f"not JSON: expected {wanted} here")
