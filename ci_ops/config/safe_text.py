"""Redaction of words from a document for messages."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from ci_ops.core.text.lines import one_line
from ci_ops.core.text.redact import Redactor, redact_patterns
from ci_ops.core.text.secret import HIDDEN
from ci_ops.core.text.spellings import WHOLE_LENGTH

MAX_KEY_CHARACTERS = 60

_LOOKS_SECRET = re.compile(
    r"(?:\bgh[opsu]_|\bgithub_pat_|\bglpat-|\bxox[a-z]-|\bsk[-_](?:live|test|ant|proj)|\bAKIA|\beyJ|\bSG\.)[\w./+=-]{8,}"
    r"|(?<=hooks\.slack\.com/)\S+"
    r"|\b(?=\w*[0-9])(?=\w*[a-z])(?=\w*[A-Z])\w{20,}"
    r"|\b[0-9a-fA-F]{32,}\b"
)
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASS(WORD|WD|PHRASE)|(API|ACCESS|PRIVATE|SIGNING|ENCRYPTION)_?KEY|CREDENTIAL|WEBHOOK"
    r"|_(DSN|KEY|PASS|PWD|PAT|AUTH|JWT|SALT|COOKIE)$"
)


def without_secrets(text: str) -> str:
    """Return the text without parts that look like a token, a key or a password in a URL."""
    return _LOOKS_SECRET.sub(HIDDEN, redact_patterns(text))


def safe_word(word: str) -> str:
    """Return a key or name of the document as one short line, redacted if it looks like a secret."""
    line = without_secrets(one_line(word[: 4 * MAX_KEY_CHARACTERS]))
    return line if len(line) <= MAX_KEY_CHARACTERS else f"{line[: MAX_KEY_CHARACTERS - 1]}…"


def invisible_in(word: str) -> str:
    """Return the first invisible character of the word, such as `U+00A0 (no-break space)`; empty for none.

    A plain space counts as visible.
    """
    for character in word:
        if character != " " and unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cf"}:
            name = unicodedata.name(character, "no name").lower()
            return f"U+{ord(character):04X} ({name})"
    return ""


def names_a_secret(variable: str) -> bool:
    """Return True for the name of a variable that usually holds a secret, such as API_TOKEN."""
    return _SECRET_NAME.search(variable.upper()) is not None


def is_credential(value: str, text: str, *, in_secret: bool) -> bool:
    """Return True when a variable's value is a secret because of its position in the text.

    In a secret every variable is one, except for the host of a URL; elsewhere the user info and the
    query of a URL are.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return in_secret
    user, _, host = parts.netloc.rpartition("@")
    if in_secret:
        return not (host and value in f"{parts.scheme}://{host}")
    return any(value in place for place in (user, unquote(user), parts.query, unquote(parts.query)))


class SecretValues:
    """The secret values that no message may contain, in reading order."""

    def __init__(self) -> None:
        self._values: list[tuple[str, bool]] = []

    @property
    def count(self) -> int:
        """The number of values so far."""
        return len(self._values)

    def add(self, value: str, *, is_secret: bool) -> None:
        """Register a value; one shorter than eight characters only if it is certainly a secret."""
        self._values.append((value, is_secret))

    def redacted(self, text: str, *, since: int) -> str:
        """Return the text without the values added after the first `since`, also in Python's spelling.

        If a short secret would leave gaps everywhere, a neutral text is returned instead.
        """
        written = [
            (form, secret) for value, secret in self._values[since:] for form in (value, repr(value)[1:-1])
        ]
        if any(secret and len(form) < WHOLE_LENGTH and form in text for form, secret in written):
            return "this value is not accepted"
        return without_secrets(Redactor(form for form, _ in written)(text))
