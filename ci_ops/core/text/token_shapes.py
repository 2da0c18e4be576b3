"""Redaction of credentials that are recognisable by their shape."""

from __future__ import annotations

import re
from functools import cache

from ci_ops.core.text.secret import HIDDEN

MIN_TOKEN_LENGTH = 15
_BLANK = r"(?:[ +]|%20)"

_TOKENS = (
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"
    r"|\bgh[oprsu]_[A-Za-z0-9]{20,255}|\bgithub_pat_\w{20,255}"
    r"|\bglpat-[\w.-]{20,255}"
    r"|\bx(?:ox[a-z]|app)-[\w-]{10,255}"
    r"|(?<=hooks\.slack\.com/)[\w/+-]{8,255}|(?<=hooks\.slack-gov\.com/)[\w/+-]{8,255}"
    r"|\beyJ[\w-]{8,1024}\.[\w-]{2,8192}(?:\.[\w-]{0,4096}){0,3}"
    r"|\b[rs]k[-_](?:live|test|ant|proj|svcacct)[-_][\w-]{10,255}"
    r"|\bAIza[\w-]{35}"
    r"|\bSG\.[\w-]{16,64}\.[\w-]{16,128}"
    r"|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[\w-]{40,1024}|\bdop_v1_[0-9a-f]{64}|\bhf_[A-Za-z0-9]{30,64}"
    rf"|-----BEGIN{_BLANK}(?:[A-Z0-9]{{2,20}}{_BLANK}){{0,3}}PRIVATE{_BLANK}KEY(?:{_BLANK}BLOCK)?-----"
    r"[^-]*(?:-(?!----END)[^-]*)*(?:-----END[A-Z0-9 +%]{0,60}-----)?"
)
"""Source: docs.github.com, "Supported secret scanning patterns"; RFC 7515 (JWS), RFC 7516 (JWE), RFC 7468 (keys).

Repetitions are bounded, or go to the end of the text: a hostile text must not make the search take quadratic time.
"""
_HINTS = re.compile(
    r"A(?:KIA|SIA|BIA|CCA|Iza)|g(?:h[oprsu]_|ithub_pat_|lpat-)|x(?:ox|app-)|yJ|SG\.|f_|PRIVATE"
    r"|k(?:s\.slack|_live_|_test_|-ant-|-proj-|-svcacct-|-live-|-test-)|_v1_|pm_|-AgE"
)
"""Every token has one of them; none begins with a letter that most texts have."""


def hide_tokens(text: str) -> str:
    """Return the text without tokens and private keys of well-known shapes."""
    if len(text) < MIN_TOKEN_LENGTH or not _HINTS.search(text):
        return text
    return token_pattern().sub(HIDDEN, text)


@cache
def token_pattern() -> re.Pattern[str]:
    """Return the pattern of every well-known token; few runs ever need it."""
    return re.compile(_TOKENS)
