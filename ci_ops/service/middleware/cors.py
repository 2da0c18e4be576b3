"""CORS headers for refusals, learned from the application's own answers.

A refusal is made outside the application and its CORS middleware. Without their
headers a browser hides its status and `Retry-After` from a page of another origin.

Source: Fetch standard, sections "CORS check" and "CORS protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.service._process.locked import Locked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.service.limits.headers import Headers

MAX_ORIGINS = 256
_ALLOW_ORIGIN = "access-control-allow-origin"
_ALLOW_CREDENTIALS = "access-control-allow-credentials"
_EXPOSE = "access-control-expose-headers"
_LEARNED = (_ALLOW_ORIGIN, _ALLOW_CREDENTIALS, _EXPOSE)
_EXPLAINING = ("Retry-After", "RateLimit", "RateLimit-Policy")
"""Headers of a refusal that a page needs to retry at the right time."""


class AllowedOrigins(Locked):
    """The latest CORS headers that the application gave each origin."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, dict[str, str]] = {}

    def learn(self, origin: str, headers: Iterable[tuple[str, str]]) -> None:
        """Remember the CORS headers of an answer, if it allows the origin."""
        given = {name.lower(): value for name, value in headers}
        if _ALLOW_ORIGIN not in given:
            return
        with self._lock:
            self._known.pop(origin, None)
            if len(self._known) >= MAX_ORIGINS:
                del self._known[next(iter(self._known))]
            self._known[origin] = {name: given[name] for name in _LEARNED if name in given}

    def headers_for(self, origin: str) -> Headers:
        """Return the headers that let a page of this origin read a refusal; none where it may not."""
        with self._lock:
            known = self._known.get(origin)
        if known is None:
            return []
        exposed = [each.strip() for each in known.get(_EXPOSE, "").split(",") if each.strip()]
        lower = {each.lower() for each in exposed}
        exposed += [each for each in _EXPLAINING if each.lower() not in lower]
        return [*{**known, _EXPOSE: ", ".join(exposed)}.items(), ("vary", "Origin")]
