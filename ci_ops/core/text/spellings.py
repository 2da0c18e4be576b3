"""The spellings of one secret: plain, percent-encoded, escaped, base64, hexadecimal."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE_LENGTH = 8
"""From this length on a value is hidden inside other words too, and masked by the runner."""
MIN_BASE64_CORE = 6
"""Fewer letters of base64 would turn up by chance."""
MAX_ESCAPED_LENGTH = 4096
"""A longer value is a document; each of its lines is known by itself, in every spelling."""
MAX_GROWTH = 24
"""Characters that one character of a secret may take, such as `%25252F` or `&amp;#x2F;`."""

_MIN_RARE_LENGTH = 5
_ALNUM_RUN = re.compile(r"[A-Za-z0-9]{3,}")
_WORD = re.compile(r"[A-Za-z]{1,12}|[0-9]{1,5}")
_NAMED_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_BACKSLASHES = re.compile(r"(\\+)")
_LETTER_ESCAPES = {"\n": "n", "\r": "r", "\t": "t"}
_OF_THEIR_OWN = {" ": r"\+", "\n": r"\r\n", "'": r"'\\{1,4}''|'\"'\"'"}
"""What else stands for a character: in forms, on Windows, in a shell's single quotes."""


class Spellings:
    """Every usual spelling of one secret, searchable in a text.

    Nearly every text has none of them, and says so after a few plain searches;
    the pattern is compiled when one is found for the first time.
    """

    __slots__ = ("_pattern", "encoded", "is_word", "length", "plain")

    def __init__(self, value: str) -> None:
        runs = _ALNUM_RUN.findall(value)
        self.plain = max(runs, key=_rarity) if runs else ""
        """The part that no escape changes; empty when only the pattern can tell."""
        self.encoded = (*_base64_cores(value), *_hexadecimal(value))
        """A text that has neither that part nor one of these has the secret in no spelling."""
        self._pattern: re.Pattern[str] | str = value
        self.is_word = is_word(value)
        """True for what may well be an ordinary word or number."""
        self.length = len(value)

    def may_be_in(self, text: str) -> bool:
        """Return False for a text without the secret in any spelling, after a few plain searches."""
        return self.plain in text or any(probe in text for probe in self.encoded)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Return the positions of the secret in the text."""
        if self.may_be_in(text):
            if isinstance(self._pattern, str):
                self._pattern = re.compile(_pattern_of(self._pattern))
            yield from (match.span() for match in self._pattern.finditer(text))


def _rarity(run: str) -> tuple[bool, int]:
    """Return the search order for parts of a secret: `T0x9` occurs in fewer texts than `services`."""
    return (not run.isalpha() and len(run) > _MIN_RARE_LENGTH, len(run))


def is_word(value: str) -> bool:
    """Return True for a plausible ordinary word or number, such as `production` or `8000`."""
    return _WORD.fullmatch(value) is not None


def masks_of(value: str) -> tuple[str, ...]:
    """Return the spellings that a runner can mask: plain, base64, URL and JSON.

    Each line of a multi-line secret counts as one more secret. Empty for
    values shorter than eight characters: the runner would hide ordinary words.
    """
    parts = dict.fromkeys([value, *(line.strip() for line in value.splitlines())])
    forms: dict[str, None] = {}
    for part in parts:
        if len(part) < WHOLE_LENGTH:
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


def _base64_cores(value: str) -> tuple[str, ...]:
    """Return the base64 characters that depend on the value alone, at each of its three offsets.

    With them `user:secret` is found without knowing the user.
    """
    raw = value.encode("utf-8", "surrogatepass")
    cores: dict[str, None] = {}
    for offset, shared in ((0, 0), (1, 2), (2, 3)):
        whole = (offset + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(bytes(offset) + raw).decode()[shared:whole]
            if len(core) >= MIN_BASE64_CORE:
                cores[core] = None
    return tuple(cores)


def _hexadecimal(value: str) -> tuple[str, ...]:
    digits = value.encode("utf-8", "surrogatepass").hex()
    return tuple(dict.fromkeys((digits, digits.upper()))) if len(digits) >= WHOLE_LENGTH else ()


def _pattern_of(value: str) -> str:
    plain = _escaped(value) if len(value) <= MAX_ESCAPED_LENGTH else re.escape(value)
    if len(value) < WHOLE_LENGTH:
        before = r"(?<![A-Za-z0-9])" if value[0].isalnum() else ""
        after = r"(?![A-Za-z0-9])" if value[-1].isalnum() else ""
        plain = f"{before}{plain}{after}"
    cores = "|".join(map(re.escape, _base64_cores(value)))
    encoded = [rf"(?:{cores})[A-Za-z0-9+/_-]{{0,2}}={{0,2}}"] if cores else []
    return "|".join([plain, *encoded, *_hexadecimal(value)])


def _escaped(value: str) -> str:
    """Return a pattern for the value with each character in any escaped form.

    A run of backslashes is one part of it, and never gives one back: escaped once
    or twice it is longer, and may take in the one before the next character.
    """
    parts = []
    for run in _BACKSLASHES.split(value):
        if run.startswith("\\"):
            number, hidden = len(run), _hidden_forms(run[0])
            parts.append(rf"(?:\\{{{number},{8 * number}}}+|{hidden}{{{number}}})")
        else:
            after_backslash = bool(parts)
            for character in run:
                parts.append(_character(character, after_backslash=after_backslash))
                after_backslash = False
    return "".join(parts)


@cache
def _character(character: str, *, after_backslash: bool) -> str:
    """Return a pattern for one character; letters and digits are never escaped."""
    if character.isascii() and character.isalnum():
        return character
    backslashes = r"\\{0,8}+" if after_backslash else r"\\{1,8}+"
    units = character.encode("utf-16-be", "surrogatepass")
    raw = character.encode("utf-8", "surrogatepass")
    forms = [
        _hidden_forms(character),
        "".join(f"{backslashes}u{_either_case(units[at : at + 2].hex())}" for at in range(0, len(units), 2)),
        "".join(f"{backslashes}x{_either_case(f'{byte:02x}')}" for byte in raw),
        f"{backslashes}(?:x{_either_case(f'{ord(character):02x}')}|U{_either_case(f'{ord(character):08x}')})",
    ]
    if character in _LETTER_ESCAPES:
        forms.append(f"{backslashes}{_LETTER_ESCAPES[character]}")
    if character in _OF_THEIR_OWN:
        forms.append(_OF_THEIR_OWN[character])
    forms.append(rf"\\{{0,8}}+{re.escape(character)}")
    return f"(?:{'|'.join(forms)})"


@cache
def _hidden_forms(character: str) -> str:
    """Return encoded forms of a character: percent-encoded, and HTML entities."""
    percent = "".join(
        f"%(?:25){{0,4}}{_either_case(f'{byte:02x}')}" for byte in character.encode("utf-8", "surrogatepass")
    )
    entities = [f"#0*{ord(character)}", f"#[xX]0*{_either_case(f'{ord(character):x}')}"]
    entities += [_NAMED_ENTITIES[character]] if character in _NAMED_ENTITIES else []
    return f"(?:{percent}|&(?:amp;){{0,4}}(?:{'|'.join(entities)});)"


def _either_case(digits: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in digits)
