"""The chapters of CONTRIBUTING.md that add a plugin: the files they show and the commands they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
_CHAPTER = re.compile(r"^### Add a (\w+)\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """How a plugin of one family is added."""

    word: str
    """The family's word for one plugin, such as `check`."""
    files: dict[str, str]
    """What is written by hand: the text of each file by its path."""
    commands: tuple[str, ...]
    """What is run afterwards, in this order."""


def chapters() -> tuple[Chapter, ...]:
    """Return the chapters in the order of the page."""
    return tuple(
        Chapter(
            word=word,
            files=dict(_FILE.findall(text)),
            commands=tuple(line for block in _COMMANDS.findall(text) for line in block.splitlines()),
        )
        for word, text in _CHAPTER.findall(PAGE.read_text(encoding="utf-8"))
    )
