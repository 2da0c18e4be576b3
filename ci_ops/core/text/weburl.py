"""The URL of a service: as typed, as requested, and as shown."""

from __future__ import annotations

import ipaddress
import re
import secrets
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

HEALTH_PATHS = ("/health/ready", "/healthz", "/health", "/__heartbeat__", "/up", "/")
"""Where health is looked for when the address has no path; the last one proves little."""

NONCE_HEADER = "X-Ci-Ops-Nonce"
"""Sent with every request of a check; a service that echoes it proves that no cache answered."""

NONCE_PARAMETER = "ci-ops"
"""Parameter of the query that carries the nonce past caches."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNFIT_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SECRET_PARAMETER = re.compile(r"code|key|token|sig|auth|secret|pass|pwd|cred|session|sid|jwt", re.IGNORECASE)
_PLAIN_VALUE = re.compile(r"[A-Za-z]{1,12}|[0-9]{1,5}|")


def read_url(url: str) -> SplitResult:
    """Return the parts of an http or https URL. Raises ValueError with a sentence."""
    if not url:
        raise ValueError("no address is given")
    if any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("the address has blanks or control characters in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the address has a host or port that cannot be read") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("the address does not start with https:// or http://")
    if not parts.hostname or port == 0:
        raise ValueError("the address has no usable host and port")
    return parts


def header_problem(name: str, value: str) -> str:
    """Return why HTTP cannot carry a header, without its value; empty if it can.

    Source: RFC 9110, sections 5.1 and 5.5.
    """
    if not _HEADER_NAME.fullmatch(name):
        return "a header's name is not one that HTTP can carry"
    if _UNFIT_IN_HEADER.search(value):
        return f"the header {name} has a line break or another character that HTTP cannot carry"
    return ""


def port_of(parts: SplitResult) -> int:
    """Return the port of the URL, explicit or default."""
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def origin_of(parts: SplitResult) -> tuple[str, str, int]:
    """Return scheme, host and port; credentials are valid for one origin only."""
    return parts.scheme, parts.hostname or "", port_of(parts)


def has_path(parts: SplitResult) -> bool:
    """Return True when the URL has a path, so that it is the health URL itself."""
    return parts.path not in {"", "/"} or bool(parts.query)


def at_path(parts: SplitResult, path: str) -> str:
    """Return the URL of a path on the same server, with its query and the same user info."""
    route, _, query = path.partition("?")
    return urlunsplit((parts.scheme, parts.netloc, route or "/", query, ""))


def safe_url(url: str) -> str:
    """Return the URL without user info, query and fragment, safe for reports."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_user_info(url: str) -> str:
    """Return the URL as typed, without the user info."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def secrets_in(parts: SplitResult) -> tuple[str, ...]:
    """Return the secrets of a URL: user info, also as Basic credentials, and the query's values.

    A parameter such as `format=json`, a plain word or number under a name that
    tells of no secret, is shown.
    """
    found = []
    if parts.username or parts.password:
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        found += [password, parts.password or "", f"{user}:{password}", user]
    for name, value in parse_qsl(parts.query):
        if _SECRET_PARAMETER.search(name) or not _PLAIN_VALUE.fullmatch(value):
            found.append(value)
    return tuple(filter(None, found))


def passwords_in(url: str) -> tuple[str, ...]:
    """Return the password of a URL such as a database's, as written and decoded.

    The user is no secret there: `postgres` occurs in many messages.
    """
    try:
        written = urlsplit(url).password or ""
    except ValueError:
        return ()
    return tuple(filter(None, dict.fromkeys((unquote(written), written))))


def secrets_in_text(url: str) -> tuple[str, ...]:
    """Return the secrets of a text that may be a URL; none for any other text."""
    try:
        return secrets_in(urlsplit(url))
    except ValueError:
        return ()


def is_loopback(parts: SplitResult) -> bool:
    """Return True when requests to it stay on this machine."""
    host = (parts.hostname or "").rstrip(".").partition("%")[0]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(parts: SplitResult) -> bool:
    """Return True when requests leave this machine unencrypted."""
    return parts.scheme == "http" and not is_loopback(parts)


def new_nonce() -> str:
    """Return 16 random hexadecimal digits, unique to one request."""
    return secrets.token_hex(8)


def fresh_url(url: str, nonce: str) -> str:
    """Return the URL with the nonce in its query.

    A cache that includes the query in its key cannot have an answer for it.
    """
    parts = urlsplit(url)
    stamp = f"{NONCE_PARAMETER}={nonce}"
    query = f"{parts.query}&{stamp}" if parts.query else stamp
    return urlunsplit(parts._replace(query=query, fragment=""))
