"""The scripts that shell command lines start, as far as parsing without execution can tell."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ci_ops.config.safe_text import safe_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHELLS = re.compile(r"(?:ba|da|z|k)?sh|python(?:3(?:\.\d+)?)?|node|ruby|perl|source|\.")
_PARTS = {"&&", "||", ";", "|", "&", "\n"}
_SCRIPT = re.compile(r"[\w./-]*[\w-]\.(?:sh|bash|py|js|rb|pl)|\.{1,2}/[\w./-]+")
_SETTING = re.compile(r"[A-Za-z_]\w*=.*")
_WRAPPERS = frozenset({"exec", "env", "time", "sudo", "nice", "nohup", "command"})


def missing_script(text: str, folder: Path) -> str:
    """Return the first script of the project that a command line starts and that does not exist.

    Empty if all exist, and if the line changes to another folder first, creates the file itself or
    is written in a way that only a shell can parse.
    """
    for script in _scripts(text):
        path = folder / script
        is_inside = path.resolve().is_relative_to(folder.resolve())
        if is_inside and not path.exists() and text.count(script) == 1:
            return safe_word(script)
    return ""


def _scripts(text: str) -> Iterator[str]:
    """Yield the script of each simple command, up to the first change of folder."""
    for command in _commands(text):
        words = [each for each in command if not _SETTING.fullmatch(each)]
        while words and words[0] in _WRAPPERS:
            words = words[1:]
        if not words or words[0] in {"cd", "pushd"} or "$" in words[0]:
            return
        candidates = words[:1]
        if _SHELLS.fullmatch(words[0].rpartition("/")[2]):
            # The first word that is no option; one such as `-c` or `-m` takes something else than a file.
            candidates = [] if any(re.fullmatch(r"-\w*[cme]", each) for each in words[1:2]) else words[1:2]
        yield from (each for each in candidates if _SCRIPT.fullmatch(each))


def _commands(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(
        text.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars="();<>|&"
    )
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if word in _PARTS or word[0] in "();<>|&":
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # quotes that never close: the shell will say so
        return
    yield words
