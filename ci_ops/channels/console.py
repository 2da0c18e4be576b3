"""Prints the message in this run's output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ci_ops.core.plugin import Channel
from ci_ops.core.text.lines import columns, console_line, padded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.message import Message
    from ci_ops.core.ports.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class Console(Channel):
    """Prints the message in this run's output."""

    def send(self, message: Message, world: World) -> str:
        """Write the message to stderr; stdout belongs to `--format`."""
        del world
        sys.stderr.write("".join(f"{line}\n" for line in text_lines(message)))
        sys.stderr.flush()
        return ""

    @classmethod
    def recognise(cls, address: str) -> Self | None:
        """Recognise the word `console`, or `-`."""
        return cls() if address in {"console", "-"} else None


def text_lines(message: Message) -> Iterator[str]:
    """Return the message as plain lines, safe for a terminal and a runner."""
    yield f"[{message.severity}] {console_line(message.title)}"
    for line in message.lines:
        yield f"  {console_line(line)}"
    pairs = [*message.facts, *((link.label, link.url) for link in message.links)]
    rows = [(console_line(label), console_line(value)) for label, value in pairs]
    width = max((columns(label) for label, _ in rows), default=0)
    for label, value in rows:
        yield f"  {padded(label, width)}  {value}"
