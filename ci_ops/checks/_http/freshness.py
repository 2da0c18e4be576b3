"""Signs of a cached response, which proves nothing about the release that runs now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.core.text.weburl import NONCE_HEADER

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response

_HIT = re.compile(
    r"(?<![a-z])(?<!refresh_)(?:hit(?!-for)(?!=\?0)|stale|updating)(?![a-z])",
    re.IGNORECASE,
)
"""A stored answer; not `hit-for-pass`, `hit=?0`, and no hit that the origin has just confirmed."""
_DIRECTIVES = re.compile(r"cache-control$|^cache-tag|^surrogate")
"""Headers named after caches that tell them what to do, and nothing of what they did."""
_HIT_COUNTS = re.compile(r"(?<!\d)0*[1-9]\d*")
_TWO_REQUESTS = re.compile(r"(?<!\d)\d+ \d+(?!\d)")


def age_seconds(response: Response) -> int:
    """Return the seconds that the response has been in a cache; 0 for none.

    Two caches in a row may each add an `Age`: the oldest counts.
    Source: RFC 9111 section 5.1.
    """
    ages = [each.strip() for each in response.headers.get("age", "").split(",")]
    return max((int(age[:9]) for age in ages if age.isascii() and age.isdigit()), default=0)


def cache_sign(response: Response) -> str:
    """Return the sign of a cache in the response, apart from its age; empty for none.

    Any header named after a cache counts, because every vendor has its own:
    `X-Cache`, `CF-Cache-Status`, `Cache-Status` (RFC 9211), `X-Vercel-Cache`,
    `X-LiteSpeed-Cache`, `CDN-Cache`. So does the nonce of another request.
    """
    if response.headers.get(NONCE_HEADER.lower()):
        return f"the nonce of another request in the header {NONCE_HEADER}"
    for name, value in response.headers.items():
        if _shows_hit(name, value):
            return f"a hit in the header {name}"
    return ""


def _shows_hit(name: str, value: str) -> bool:
    """Return True for a header by which a cache reports a hit.

    Source: for hit counts, www.fastly.com/documentation/reference/http/http-headers/X-Cache-Hits;
    for two request numbers, varnish-cache.org/docs/trunk/reference/http_headers.html;
    for `Server-Timing: cdn-cache; desc=HIT`, techdocs.akamai.com (mPulse).
    """
    if name == "x-cache-hits":
        return _HIT_COUNTS.search(value) is not None
    if name == "x-varnish":
        return _TWO_REQUESTS.search(value) is not None
    if name in {"x-nc", "x-ac"}:  # WordPress.com
        return _HIT.search(value) is not None
    if name == "server-timing":
        return any("cache" in entry.lower() and _HIT.search(entry) for entry in value.split(","))
    if name == "x-rack-cache" and value.lower().startswith("fresh"):
        return True
    return "cache" in name and not _DIRECTIVES.search(name) and _HIT.search(value) is not None
