"""Words of a document, made fit for a message."""

from __future__ import annotations

import re

from ci_ops.core.redact import MIN_SECRET_LENGTH, Redactor, redact_patterns
from ci_ops.core.secret import HIDDEN
from ci_ops.core.text import one_line

MAX_KEY_CHARACTERS = 60

_LOOKS_SECRET = re.compile(
    r"(?:\bgh[opsu]_|\bgithub_pat_|\bglpat-|\bxox[a-z]-|\bsk[-_](?:live|test|ant|proj)|\bAKIA|\beyJ|\bSG\.)[\w./+=-]{8,}"
    r"|(?<=hooks\.slack\.com/)\S+"
    r"|\b(?=\w*[0-9])(?=\w*[a-z])(?=\w*[A-Z])\w{20,}"
    r"|\b[0-9a-fA-F]{32,}\b"
)
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASS(WORD|WD|PHRASE)|(API|ACCESS|PRIVATE|SIGNING|ENCRYPTION)_?KEY|CREDENTIAL|WEBHOOK|_DSN$|_KEY$"
)


def without_secrets(text: str) -> str:
    """The text without what looks like a token, a key or a password in a URL."""
    return _LOOKS_SECRET.sub(HIDDEN, redact_patterns(text))


def shown(word: str) -> str:
    """A key or name from the document: one short line, hidden where it looks like a secret."""
    line = without_secrets(one_line(word[: 4 * MAX_KEY_CHARACTERS]))
    return line if len(line) <= MAX_KEY_CHARACTERS else f"{line[: MAX_KEY_CHARACTERS - 1]}…"


def names_a_secret(variable: str) -> bool:
    """True for names of variables that usually hold a secret: SLACK_WEBHOOK_URL, API_TOKEN."""
    return _SECRET_NAME.search(variable.upper()) is not None


class Hidden:
    """Values that no message may contain."""

    def __init__(self) -> None:
        self._long = Redactor()
        self._short: set[str] = set()

    def add(self, value: str, *, is_secret: bool) -> None:
        """Never show this value, nor the way Python writes it; short ones only where they are secrets."""
        written = {value, repr(value)[1:-1]}
        self._long.add(*written)
        if is_secret and len(value) < MIN_SECRET_LENGTH:
            self._short |= written

    def taken_out_of(self, text: str) -> str:
        """The text without them; a neutral one where a short value would leave holes everywhere."""
        if any(value in text for value in self._short):
            return "this value is not accepted"
        return without_secrets(self._long(text))
