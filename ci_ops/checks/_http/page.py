"""HTML pages in response to a machine-readable request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import evidence

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

_MAX_READ_CHARACTERS = 20_000
_MAX_TITLE_CHARACTERS = 60
_STARTS = re.compile(
    r"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_KINDS: tuple[tuple[str, str], ...] = (
    (
        r"<input[^>]{1,300}type\s*=\s*[\"']?password|<title[^>]{0,200}>[^<]{0,80}\b(?:sign|log) ?in\b",
        "a sign-in page",
    ),
    (
        r"<(?:title|h1)[^>]{0,200}>[^<]{0,80}(?:maintenance|be (?:right )?back|under construction)",
        "a maintenance page",
    ),
    (
        r"<(?:title|h1)[^>]{0,200}>\s*(?:welcome to nginx|apache.{0,30} default page|iis windows|index of /|it works)",
        "the default page of a web server",
    ),
    (
        r"<(?:div|main|body)[^>]{0,200}\bid\s*=\s*[\"']?(?:root|app|__next|__nuxt|svelte)\b|<app-root\b",
        "the index page of a single-page application",
    ),
)
"""Pattern of a page in lower case, and what such a page is; the first that fits counts."""


def page_in(world: World, answer: Response) -> str:
    """Return the kind of an HTML page with its title; empty for any other response.

    For instance `the index page of a single-page application, "Shop"`.
    """
    text = answer.text[:_MAX_READ_CHARACTERS].lstrip("\ufeff")
    if not text.strip() or not (is_html(answer) or _STARTS.match(text)):
        return ""
    lowered = text.lower()
    kind = next((kind for pattern, kind in _KINDS if re.search(pattern, lowered)), "a page of HTML")
    title = _TITLE.search(text)
    words = evidence(world, _unescaped(title[1]).strip(), _MAX_TITLE_CHARACTERS) if title else ""
    return f'{kind}, "{words}"' if words else kind


def is_html(answer: Response) -> bool:
    """Return True when the response's content type is HTML."""
    kind = answer.headers.get("content-type", "").strip().lower()
    return kind.startswith(("text/html", "application/xhtml"))


def _unescaped(text: str) -> str:
    import html  # noqa: PLC0415 - loads 2,000 entities, for pages alone

    return html.unescape(text)
