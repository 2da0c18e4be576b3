"""Words of a document, made fit for a message."""

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
    """The text without what looks like a token, a key or a password in a URL."""
    return _LOOKS_SECRET.sub(HIDDEN, redact_patterns(text))


def shown(word: str) -> str:
    """A key or name from the document.

    One short line, hidden where it looks like a secret.
    """
    line = without_secrets(one_line(word[: 4 * MAX_KEY_CHARACTERS]))
    return line if len(line) <= MAX_KEY_CHARACTERS else f"{line[: MAX_KEY_CHARACTERS - 1]}…"


def invisible_in(word: str) -> str:
    """The first character of the word that looks like a blank or like nothing: `U+00A0 (no-break space)`.

    Empty where every character can be seen, plain blanks included.
    """
    for character in word:
        if character != " " and unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cf"}:
            name = unicodedata.name(character, "no name").lower()
            return f"U+{ord(character):04X} ({name})"
    return ""


def names_a_secret(variable: str) -> bool:
    """True for names of variables that usually hold a secret.

    Such as SLACK_WEBHOOK_URL or API_TOKEN.
    """
    return _SECRET_NAME.search(variable.upper()) is not None


def is_credential(value: str, text: str, *, in_secret: bool) -> bool:
    """Return True where a variable's value is a secret because of its place in the text.

    In a secret everything is one, but for the host of an address; elsewhere the
    user info and the query of an address are.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return in_secret
    user, _, host = parts.netloc.rpartition("@")
    if in_secret:
        return not (host and value in f"{parts.scheme}://{host}")
    return any(value in place for place in (user, unquote(user), parts.query, unquote(parts.query)))


class Hidden:
    """Values that no message may contain, in the order of reading."""

    def __init__(self) -> None:
        self._values: list[tuple[str, bool]] = []

    @property
    def count(self) -> int:
        """How many there are so far."""
        return len(self._values)

    def add(self, value: str, *, is_secret: bool) -> None:
        """Never show this value.

        One shorter than eight characters only where it is a secret.
        """
        self._values.append((value, is_secret))

    def taken_out_of(self, text: str, *, since: int) -> str:
        """The text without those added after the first `since`.

        Also as Python writes them.

        A neutral text where a short secret would leave holes everywhere.
        """
        written = [
            (form, secret) for value, secret in self._values[since:] for form in (value, repr(value)[1:-1])
        ]
        if any(secret and len(form) < WHOLE_LENGTH and form in text for form, secret in written):
            return "this value is not accepted"
        return without_secrets(Redactor(form for form, _ in written)(text))
