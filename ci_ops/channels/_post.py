"""Sending of one JSON payload by POST, with retryable errors and safe error messages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ci_ops.core.message import Undeliverable
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.redact import Redactor
from ci_ops.core.text.retry_after import parse_retry_after
from ci_ops.core.text.spellings import WHOLE_LENGTH
from ci_ops.core.text.weburl import read_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World
    from ci_ops.core.text.secret import Secret

_WORDS = re.compile(r"[a-z]+(?:[_ -][a-z]+){0,7}")
"""What an answer's body may say in a report: a few plain words, no values."""
_FAILURES = {
    "dns": "its host name does not resolve",
    "refused": "it refused the connection",
    "reset": "it broke the connection off",
    "deadline": "no time was left for the request",
    "timeout": "it did not answer in time",
    "tls": "its certificate or TLS is not valid",
    "proxy": "the proxy did not let the request through",
    "url": "its address cannot be used",
    "header": "a header of the request has characters that HTTP cannot carry",
}


def post(
    world: World,
    url: Secret,
    payload: Mapping[str, Any],
    *,
    place: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the 2xx response to the payload. Raises Undeliverable, without secrets, for any other."""
    try:
        answer = world.http.request(
            "POST",
            url.reveal(),
            timeout_seconds=timeout_seconds,
            headers={"Content-Type": "application/json", **(headers or {})},
            body=encoded(payload),
        )
    except HttpError as error:
        why = _FAILURES.get(error.kind, "its answer could not be read")
        raise Undeliverable(f"{place} could not be reached: {why}", retry=error.transient) from None
    if 200 <= answer.status <= 299:
        return answer
    raise Undeliverable(
        f"{place} answered {answer.status}{body_words(answer, url)}",
        retry=is_retryable(answer.status),
        after_seconds=parse_retry_after(answer.headers.get("retry-after", ""), now=world.clock.now()),
    )


def check_address(key: str, url: Secret) -> None:
    """Raise ValueError, which begins with the key, for an address that is never usable."""
    try:
        read_url(url.reveal())
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def encoded(payload: Mapping[str, Any]) -> bytes:
    """Return the payload as compact JSON in ASCII, which no encoding can corrupt."""
    return json.dumps(payload, separators=(",", ":"), allow_nan=False).encode()


def is_retryable(status: int) -> bool:
    """Return True for a status after which the same request may succeed later.

    Source: RFC 9110 section 15.5.9 (408) and 15.6, RFC 8470 (425), RFC 6585 section 4 (429).
    """
    return status in {408, 425, 429} or status >= 500


def body_words(answer: Response, url: Secret) -> str:
    """Return `: <words>` for a short plain response body that does not reveal the address; else empty."""
    words = answer.text.strip()
    if len(words) > 80 or _WORDS.fullmatch(words) is None:
        return ""
    return "" if Redactor(secret_parts(url))(words) != words else f": {words}"


def secret_parts(url: Secret) -> tuple[str, ...]:
    """Return every part of the address that could be a credential by itself."""
    whole = url.reveal()
    try:
        parts = urlsplit(whole)
    except ValueError:
        return (whole,)
    pieces = [whole, parts.path, parts.query, parts.username or "", parts.password or ""]
    pieces += [unquote(piece) for piece in parts.path.split("/")]
    pieces += [value for _, value in parse_qsl(parts.query)]
    return tuple(piece for piece in pieces if len(piece) >= WHOLE_LENGTH)


def host_of(address: str) -> str:
    """Return host and port of the address, which are no secret; empty when it has none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2]
    except ValueError:
        return ""
