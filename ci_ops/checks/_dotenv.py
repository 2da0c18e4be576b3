"""Names and values of a `.env` file, as far as every reader of such files agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_COMMENT = re.compile(r"\s+#.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One variable of the file; what is commented out is none."""

    name: str
    value: str
    line: int


def read_dotenv(text: str) -> Iterator[Entry]:
    """Every variable that the text sets, in order."""
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is not None:
            yield Entry(name=match["name"], value=_value(match["value"]), line=number)


def _value(text: str) -> str:
    if text[:1] in {'"', "'"}:
        return text[1:].partition(text[0])[0]
    return _COMMENT.sub("", f" {text}").strip()
