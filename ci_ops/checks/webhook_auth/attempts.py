"""The requests that an endpoint has to refuse, and the one that it has to accept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from ci_ops.checks.webhook_auth.senders import FORM, Message, Sender

REPLAY_AGE_SECONDS = 3600
"""Age of a replayed message; senders and their libraries tolerate five minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One request."""

    title: str
    """For a sentence: `an unsigned request`."""
    url: str
    body: bytes
    headers: Mapping[str, str]
    is_genuine: bool = False
    """True for the one that is signed correctly."""


def forgeries(sender: Sender, url: str, body: bytes, *, secret: str, now: int) -> Iterator[Attempt]:
    """Yield the requests that have to be refused; without a secret only those that need none."""
    message = sender.message(url, body, now)
    yield _attempt("an unsigned request", message, {}, sender)
    wrong = sender.sign(sender.new_secret(), message)
    yield _attempt("a request signed with another key", message, wrong, sender)
    if not secret:
        return
    right = sender.sign(secret, message)
    tampered = replace(message, body=_tampered(sender, body))
    yield _attempt("a request whose body was changed after it was signed", tampered, right, sender)
    if sender.signs_url:
        elsewhere = sender.sign(secret, replace(message, url=_other_path(message.url)))
        yield _attempt("a request signed for another address", message, elsewhere, sender)
    if sender.is_timestamped:
        old = replace(message, timestamp=now - REPLAY_AGE_SECONDS)
        yield _attempt("a request that was signed an hour ago", old, sender.sign(secret, old), sender)


def genuine(sender: Sender, url: str, body: bytes, *, secret: str, now: int) -> Attempt:
    """Return the request that is signed correctly."""
    message = sender.message(url, body, now)
    attempt = _attempt("a correctly signed request", message, sender.sign(secret, message), sender)
    return replace(attempt, is_genuine=True)


def _attempt(title: str, message: Message, signature: Mapping[str, str], sender: Sender) -> Attempt:
    headers = {"Content-Type": sender.media_type, **sender.headers, **signature}
    return Attempt(title=title, url=message.url, body=message.body, headers=headers)


def _tampered(sender: Sender, body: bytes) -> bytes:
    """Return the body with another last parameter, or a blank more, which JSON ignores and a signature does not."""
    return body + (b"1" if sender.media_type == FORM else b" ")


def _other_path(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/ci-ops-elsewhere"))
