"""Detection of placeholder values: `changeme`, `<your key>`, `xxxx`."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_ANYWHERE = re.compile(
    r"(?:change|replace|update|edit|set|fill)[-_ ]?(?:me|this|it|in)(?:[-_ !].*)?"
    r"|your[-_ ].+|(?:insert|enter|paste)[-_ ](?:your|the|a)[-_ ].+|.+[-_ ]goes[-_ ]here|.+[-_ ]here"
    r"|place[-_ ]?holder|todo|fixme|tbd|undefined"
    r"|x{3,}|\*{3,}|\.{3,}|\?{3,}|_{3,}"
    r"|<[^<>]*>|\{\{.*\}\}|%[A-Z_]+%|\[[a-z]+[a-z _-]*\]"
    r"|django-insecure-.*",
    re.IGNORECASE | re.DOTALL,
)
_IN_SECRETS = re.compile(
    r"(?:my|some|a|the|test|fake|dev|dummy|example|sample|insecure|default|super)?[-_ ]?(?:api[-_ ]?)?"
    r"(?:key|token|secret|secret[-_ ]?key|password|passwd|pass|pwd|pw|value)"
    r"|test|fake|dev|dummy|example|sample|insecure|default|none|null|user|admin|0+|1234\d*|abc123|letmein|qwerty",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|DSN|PRIVATE", re.IGNORECASE
)
_LONGEST = 2000
"""A longer value is a certificate or a document, and no placeholder."""


def is_secret_name(name: str) -> bool:
    """Return True when a variable of that name usually holds a secret."""
    return _SECRET_NAME.search(name) is not None


def is_placeholder(name: str, value: str) -> bool:
    """Return True when the value, or the password of its URL, is a placeholder."""
    text = value.strip().strip("\"'")
    if len(text) > _LONGEST:
        return False
    if _ANYWHERE.fullmatch(text) or (is_secret_name(name) and _IN_SECRETS.fullmatch(text)):
        return True
    password = _password_of(text)
    return bool(password) and any(each.fullmatch(password) for each in (_ANYWHERE, _IN_SECRETS))


def _password_of(text: str) -> str:
    if "://" not in text:
        return ""
    try:
        return unquote(urlsplit(text).password or "")
    except ValueError:
        return ""
