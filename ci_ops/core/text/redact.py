"""Redaction of secrets in texts."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from ci_ops.core.text.secret import HIDDEN
from ci_ops.core.text.spellings import MAX_GROWTH, WHOLE_LENGTH, Spellings
from ci_ops.core.text.token_shapes import hide_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MIN_SECRET_LENGTH = 3
"""One or two characters stand in every text, and all of them can be tried in a second."""
SETTINGS = frozenset(
    {"true", "false", "yes", "none", "null", "nil", "off", "undefined", "default", "enabled", "disabled"}
)
"""Values that are no secret, whatever variable they stand in."""

_NEVER = "(?!)"
_LETTERS = re.compile(r"[A-Za-z]{3,}")

# The repetitions are bounded: text from outside must not make the search take quadratic time.
_URL_PASSWORD = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:)[^\s/'\"]+(?=@)", re.IGNORECASE
)
_ASSIGNED_WORDS = ("password", "passwd", "secret", "token", "api", "authorization", "credential")
_ASSIGNED_NAME = (
    r"(?<!/)(?:password|passwd|secret|token|api[_-]?key|authorization|credential)[\w.-]{0,64}[\"']?"
)
_ASSIGNED_VALUE = (
    r"(?:bearer\s{1,16}|basic\s{1,16})?+[\"']?+)"
    r"(?!\$\{\{|\$\{[A-Za-z_]|<[A-Za-z])(?P<value>[^\s\"'&,;}]+)"  # a reference or a placeholder is no secret
)
_ASSIGNED = re.compile(rf"(?P<head>{_ASSIGNED_NAME}\s{{0,16}}[=:]\s{{0,16}}{_ASSIGNED_VALUE}", re.IGNORECASE)
_ASSIGNED_CLOSELY = re.compile(rf"(?P<head>{_ASSIGNED_NAME}=\s{{0,16}}{_ASSIGNED_VALUE}", re.IGNORECASE)
_IN_QUERY = re.compile(
    r"(?P<head>[?&;](?:sig|signature|code|key|auth|jwt|sid|session(?:[_-]?id)?|x-amz-(?:signature|credential))=)"
    r"(?P<value>[^\s\"'&;<>]+)",
    re.IGNORECASE,
)


def redact_patterns(text: str) -> str:
    """Return the text without parts that look like secrets.

    These are URL passwords, signed queries, `token=…`, `Authorization: …`, and tokens and private
    keys of well-known shapes.
    """
    text = _without_addresses_secrets(text)
    if _may_assign(text):
        text = _ASSIGNED.sub(rf"\g<head>{HIDDEN}", text)
    return hide_tokens(text)


def _without_addresses_secrets(text: str) -> str:
    # A search for plain words costs a twentieth of these patterns, and nearly every text ends there.
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\g<head>{HIDDEN}", text)
    if "=" in text and ("?" in text or "&" in text):
        text = _IN_QUERY.sub(rf"\g<head>{HIDDEN}", text)
    return text


def _may_assign(text: str) -> bool:
    if "=" not in text and ":" not in text:
        return False
    if not text.isascii():
        return True  # beyond ASCII some letters equal others only for the pattern
    folded = text.lower()
    return any(map(folded.__contains__, _ASSIGNED_WORDS))


class Redactor:
    """Redacts known secrets, and unknown ones by their shape.

    Safe to share between threads; secrets may be added at any time.
    """

    def __init__(
        self, secrets: Iterable[str] = (), *, is_own_word: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`is_own_word` decides which words occur in our sentences without outside input."""
        self._is_own_word = is_own_word
        self._public: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._known: dict[str, Spellings] = {}
        self._sieve = _Sieve(self._known)
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Redact these values, and their usual encodings, from now on.

        Each line of a multi-line secret counts as one more secret. Blanks and
        quotes around a value are no part of it: what is shown may lack them.
        """
        fresh = {part for secret in secrets for part in _parts(secret)} - self._known.keys()
        if fresh:
            with self._lock:
                self._known = self._known | {part: Spellings(part) for part in fresh}

    def publish(self, *texts: str) -> None:
        """Keep the words of these texts in our sentences, secret or not: readers know them already."""
        with self._lock:
            self._public = self._public.union(*(_LETTERS.findall(text) for text in texts))

    @property
    def reach(self) -> int:
        """The length of the longest spelling of a secret."""
        return MAX_GROWTH * max((each.length for each in self._known.values()), default=0)

    def __call__(self, text: str) -> str:
        """Return an untrusted text without known secrets and anything that looks like one."""
        return redact_patterns(_blotted(text, self._known.values()) if self._may_hold(text) else text)

    def own(self, text: str) -> str:
        """Return one of our sentences without known secrets.

        A secret that is an ordinary word, such as `production`, takes no word out of
        it that ci-ops uses itself or that was published; any other word came from
        outside. Short numbers stay, and `token: write` is no assignment.
        """
        if self._may_hold(text):
            text = _blotted(text, self._hidden_in(text))
        text = _without_addresses_secrets(text)
        if "=" in text and _may_assign(text):
            text = _ASSIGNED_CLOSELY.sub(rf"\g<head>{HIDDEN}", text)
        return hide_tokens(text)

    def _hidden_in(self, text: str) -> Iterator[Spellings]:
        """Yield the secrets that one of our sentences must not show."""
        for value, each in self._known.items():
            if each.may_be_in(text) and not (each.is_word and self._is_public(value)):
                yield each

    def _is_public(self, word: str) -> bool:
        return word.isdigit() or word in self._public or self._is_own_word(word)

    def _may_hold(self, text: str) -> bool:
        """Return False for a text without any secret, after one or two searches: the usual case."""
        sieve = self._sieve
        if sieve.known is not self._known:
            sieve = self._sieve = _Sieve(self._known)
        return sieve.may_hold(text)


class _Sieve:
    """A search for the beginnings of all secrets at once.

    What a secret is encoded to would begin at almost every letter of a text, so it is
    searched for only where letters run on for as long as the shortest encoded form.
    """

    __slots__ = ("_encoded", "_plain", "_runs", "known")

    def __init__(self, known: dict[str, Spellings]) -> None:
        self.known = known
        encoded = {probe for each in known.values() for probe in each.encoded}
        shortest = min(map(len, encoded), default=0)
        self._plain = _beginnings({each.plain for each in known.values()}, length=12)
        self._encoded = _beginnings(encoded, length=6)
        self._runs = re.compile(f"[A-Za-z0-9+/_-]{{{shortest},}}")

    def may_hold(self, text: str) -> bool:
        """Return False for a text that has no secret in any spelling."""
        if self._plain.search(text) is not None:
            return True
        runs = self._runs.findall(text)
        return bool(runs) and self._encoded.search(" ".join(runs)) is not None


def _beginnings(texts: Iterable[str], *, length: int) -> re.Pattern[str]:
    """Return a pattern for the texts' beginnings; sorting by first letters makes it five times as fast."""
    rests: dict[str, set[str]] = {}
    for text in texts:
        rests.setdefault(text[:1], set()).add(re.escape(text[1:length]))
    ways = [f"{re.escape(first)}(?:{'|'.join(sorted(rest))})" for first, rest in sorted(rests.items())]
    return re.compile("|".join(ways) or _NEVER)


def _parts(secret: str) -> Iterator[str]:
    stripped = secret.strip()
    yield from filter(_is_secret, (stripped, stripped.strip("'\"")))
    if "\n" in stripped or "\r" in stripped:
        yield from (line.strip() for line in stripped.splitlines() if len(line.strip()) >= WHOLE_LENGTH)


def _is_secret(value: str) -> bool:
    return len(value) >= MIN_SECRET_LENGTH and value.lower() not in SETTINGS and value.strip("*") != ""


def _blotted(text: str, known: Iterable[Spellings]) -> str:
    """Return the text with every occurrence of a secret covered, overlapping ones too."""
    spans = sorted(span for each in known for span in each.spans(text))
    if not spans:
        return text
    pieces: list[str] = []
    end = 0
    for start, until in spans:
        if start >= end:
            pieces += (text[end:start], HIDDEN)
        end = max(end, until)
    return "".join([*pieces, text[end:]])
