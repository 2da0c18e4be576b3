"""The JSON parser of the configuration file; it builds the same tree as the YAML parser.

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
    """Return the document's tree. Raises ConfigError with every duplicate key, or the first syntax error."""
    reader = _Reader(text, file)
    node = reader.node(0)
    if reader.token:
        raise reader.unexpected("the end of the file")
    if reader.problems:
        raise ConfigError(reader.problems)
    return node


@dataclass(slots=True)
class _Reader:
    """A recursive-descent parser with one token of lookahead."""

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
        """Consume the token and scan the next one."""
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
        """The position where the next token begins."""
        return Place(self.file, self.line, self.at - self.line_at + 1)

    def node(self, depth: int) -> Node:
        """Parse the value that begins with the next token."""
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
        """Parse the items up to the closing bracket."""
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
        """Parse the entries up to the closing brace."""
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
        """Parse the next token, which must be a string, and return its text."""
        place, text = self.place, str(json.loads(self.advance()))
        if _SURROGATE.search(text):
            raise problem_at(place, "half a surrogate pair, which is no character")
        return text

    def expect(self, token: str) -> None:
        """Consume this token. Raises ConfigError for any other."""
        if self.token != token:
            raise self.unexpected(_WANTED[token])
        self.advance()

    def unexpected(self, wanted: str) -> ConfigError:
        """Return the error for an unexpected token."""
        return problem_at(self.place, f"not JSON: expected {wanted} here")
