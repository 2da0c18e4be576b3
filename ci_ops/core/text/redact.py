"""The one way in which secrets are taken out of text."""

from __future__ import annotations

import base64
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from ci_ops.core.text.secret import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_SECRET_LENGTH = 8
"""Shorter values would mask ordinary words; GitHub's own masks have the same weakness."""

# The repetitions are bounded: text from outside must not make the search take quadratic time.
_URL_PASSWORD = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:)[^\s/'\"]+(?=@)", re.IGNORECASE
)
_ASSIGNED_WORDS = ("password", "passwd", "secret", "token", "api", "authorization", "credential")
_ASSIGNED = re.compile(
    r"(?P<head>(?<!/)(?:password|passwd|secret|token|api[_-]?key|authorization|credential)[\w.-]{0,64}"
    r"[\"']?\s{0,16}[=:]\s{0,16}(?:bearer\s{1,16}|basic\s{1,16})?[\"']?)(?P<value>[^\s\"'&,;}]+)",
    re.IGNORECASE,
)


def spellings(value: str) -> tuple[str, ...]:
    """The forms in which a secret may turn up: plain, base64, URL and JSON.

    Each line of a multi-line secret counts as one more secret. Empty for
    values shorter than eight characters.
    """
    parts = dict.fromkeys([value, *(line.strip() for line in value.splitlines())])
    forms: dict[str, None] = {}
    for part in parts:
        if len(part) < MIN_SECRET_LENGTH:
            continue
        raw = part.encode("utf-8", "surrogatepass")
        forms[part] = None
        forms[base64.b64encode(raw).decode()] = None
        forms[base64.urlsafe_b64encode(raw).decode()] = None
        forms[quote(raw, safe="")] = None
        forms[quote_plus(raw)] = None
        forms[json.dumps(part)[1:-1]] = None
        forms[json.dumps(part, ensure_ascii=False)[1:-1]] = None
    return tuple(forms)


def redact_patterns(text: str) -> str:
    """Hide what looks like a secret.

    URL passwords, `token=…`, `Authorization: …`.
    """
    # A search for plain words costs a twentieth of these patterns, and nearly every text ends there.
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\g<head>{HIDDEN}", text)
    return _ASSIGNED.sub(rf"\g<head>{HIDDEN}", text) if _may_assign(text) else text


def _may_assign(text: str) -> bool:
    if "=" not in text and ":" not in text:
        return False
    if not text.isascii():
        return True  # beyond ASCII some letters equal others only for the pattern
    folded = text.lower()
    return any(word in folded for word in _ASSIGNED_WORDS)


class Redactor:
    """Known secrets and the shapes of unknown ones, taken out of any text.

    Safe to share between threads; secrets may be added at any time.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these values, and their usual encodings, from now on."""
        with self._lock:
            forms = self._forms.union(*(spellings(secret) for secret in secrets))
            if forms == self._forms:
                return
            self._forms = forms
            longest_first = sorted(forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))

    @property
    def forms(self) -> tuple[str, ...]:
        """Every spelling that is hidden, for the runner's own masks."""
        return tuple(sorted(self._forms))

    def __call__(self, text: str) -> str:
        """The text without known secrets and without URL passwords."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return redact_patterns(text)
