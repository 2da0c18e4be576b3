"""The YAML parser of the configuration file: the core schema of YAML 1.2, one document.

The core schema of 1.2, one document, nothing clever.

Built on PyYAML's events alone, so that none of its YAML 1.1 scalars, tags or
constructors is ever in the way. Read: anchors and aliases (an alias keeps the
place of its anchor). Refused, each with its line: duplicate keys, keys that are
no texts, merge keys (YAML 1.2 has none), tags, several documents, aliases that
contain themselves, deep nesting, and documents that expand to too many values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ci_ops.config.tree import Entry, Listing, Node, Place, Scalar, Table, add_entry, problem_at
from ci_ops.core.errors import ConfigError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES = 20_000
"""Values after every alias is expanded; an alias bomb has billions."""
MAX_DEPTH = 40

_HANDLE = re.compile(r"'![^']*'")
"""The only words of a document that PyYAML's parser repeats."""


def read_yaml(text: str, file: str) -> Node:
    """Return the document's tree. Raises ConfigError with every duplicate key, or the first syntax error."""
    builder = _Builder(_Events(text, file))
    node = builder.document()
    if builder.problems:
        raise ConfigError(builder.problems)
    return node


class _Events:
    """PyYAML's event stream, with errors that carry a position."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines = text.split("\n")
        self._events = _parse(text)

    def next(self) -> Any:
        """Return the next event."""
        import yaml  # noqa: PLC0415 - only where a YAML file is read

        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            assert mark is not None
            raise problem_at(
                Place(self.file, mark.line + 1, mark.column + 1), self._sentence(error.problem or "", mark)
            ) from None

    def place(self, event: Any) -> Place:
        """Return the position where the event begins."""
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _sentence(self, problem: str, mark: Any) -> str:
        line = self._lines[mark.line] if mark.line < len(self._lines) else ""
        if "\t" in line[: mark.column + 1]:
            return "YAML takes no tabs here; use spaces"
        return "not YAML: " + _HANDLE.sub("'!'", problem)


def _parse(text: str) -> Iterator[Any]:
    try:
        import yaml  # noqa: PLC0415 - only where a YAML file is read
    except ImportError:
        raise UsageError(
            "reading a YAML file needs PyYAML, which is not installed",
            hint='Install it with `pipx install "ci-ops[cli]"`, or write the configuration as ci-ops.json.',
        ) from None
    # The C parser is ten times faster where PyYAML was built with it; both give the same events.
    return iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@dataclass(slots=True)
class _Builder:
    """A tree builder that counts the size of the tree with aliases expanded."""

    events: _Events
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int] | None] = field(default_factory=dict)
    """Node and its size by anchor; None while the node is still open."""
    count: int = 0

    def document(self) -> Node:
        """Return the only document of the stream; an empty stream is an empty document."""
        self.events.next()  # the stream's start
        start = self.events.next()
        if type(start).__name__ == "StreamEndEvent":
            return Table(Place(self.events.file, 1, 1), {})
        node = self.node(self.events.next(), 0)
        self.events.next()  # the document's end
        after = self.events.next()
        if type(after).__name__ != "StreamEndEvent":
            raise problem_at(self.events.place(after), "a second document; the file holds one")
        return node

    def node(self, event: Any, depth: int) -> Node:
        """Return the node that begins with this event."""
        place = self.events.place(event)
        if type(event).__name__ == "AliasEvent":
            return self.alias(event.anchor, place)
        if event.tag is not None:
            raise problem_at(place, "tags (words with `!`) are not read; quote a text that begins with one")
        if depth > MAX_DEPTH:
            raise problem_at(place, f"nested more than {MAX_DEPTH} deep")
        before = self.count
        self.grow(1, place)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self.content(event, place, depth)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.count - before)
        return node

    def content(self, event: Any, place: Place, depth: int) -> Node:
        """Return a scalar, or the whole list or map."""
        kind = type(event).__name__
        if kind == "ScalarEvent":
            return Scalar(place, event.value, is_plain=not event.style)
        if kind == "SequenceStartEvent":
            return Listing(
                place, tuple(self.node(each, depth + 1) for each in self.until("SequenceEndEvent"))
            )
        entries: dict[str, Entry] = {}
        for event_of_key in self.until("MappingEndEvent"):
            key_place = self.events.place(event_of_key)
            key = self.key(event_of_key, key_place)
            node = self.node(self.events.next(), depth + 1)
            add_entry(entries, key, Entry(key_place, node), self.problems)
        return Table(place, entries)

    def until(self, end: str) -> Iterator[Any]:
        """Yield the events up to the closing one; the caller consumes nested ones."""
        while type(event := self.events.next()).__name__ != end:
            yield event

    def key(self, event: Any, place: Place) -> str:
        """Return the text of the key."""
        if type(event).__name__ != "ScalarEvent" or event.tag is not None or not event.value:
            raise problem_at(place, "a key must be a text")
        if event.value == "<<" and not event.style:
            raise problem_at(
                place, "YAML 1.2 has no merge keys (`<<`); repeat the keys, or use `environments`"
            )
        self.grow(1, place)
        return str(event.value)

    def alias(self, name: str, place: Place) -> Node:
        """Return the node that the alias refers to."""
        if name not in self.anchors:
            raise problem_at(place, "an alias (`*`) without an anchor (`&`) of that name before it")
        known = self.anchors[name]
        if known is None:
            raise problem_at(place, "an alias inside its own anchor")
        node, size = known
        self.grow(size, place)
        return node

    def grow(self, nodes: int, place: Place) -> None:
        """Count the nodes. Raises ConfigError when the limit is exceeded."""
        self.count += nodes
        if self.count > MAX_NODES:
            raise problem_at(place, f"more than {MAX_NODES} values after expanding aliases")
