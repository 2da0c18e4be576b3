"""Security headers, ready as bytes, for each kind of answer.

Answers in HTML get one set; everything else, such as an API's answers, a
stricter one. Headers that the application has set itself are never changed.

Source: OWASP Secure Headers Project (headers_add.json, headers_remove.json),
OWASP HTTP Headers Cheat Sheet, RFC 6797 section 7.2 (HSTS over HTTPS alone).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ci_ops.service.middleware.exchange import Exchange

    Pair = tuple[Any, Any]
    """Name and value, both bytes for ASGI, both text for WSGI."""

_EVERYWHERE = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "0",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_API = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HTML = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Resource-Policy": "same-site",
}
DOCS_PATHS = ("/docs", "/redoc")
"""Swagger UI and ReDoc load scripts from a CDN: they get no Content-Security-Policy.

Pages that FastAPI makes itself are recognised wherever `docs_url` puts them.
"""

REVEALING = ("server", "x-powered-by")
"""Headers that are removed from the application's answers; a server may add its own later."""

NOT_MODIFIED = 304
"""Source: RFC 9111, section 3.2: its headers update the stored answer."""

MAX_REMEMBERED = 256
_DATA, _PAGE, _UNKNOWN = 0, 1, 2
"""Kinds of answers: for programs, pages, and those that do not tell."""

_HSTS = "strict-transport-security"
_CSP = "content-security-policy"
_SCRIPTS = re.compile(r"\bscript-src\b[^;]*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


class SecurityHeaders:
    """The headers for each kind of answer.

    `everywhere`, `api` and `html` change single ones; an empty value removes a
    header. With `report_only` browsers report what the content policy would
    forbid, and allow it. `private_no_store` keeps JSON answers to requests with
    credentials out of every cache.
    """

    def __init__(
        self,
        *,
        everywhere: Mapping[str, str] | None = None,
        api: Mapping[str, str] | None = None,
        html: Mapping[str, str] | None = None,
        docs_paths: Iterable[str] = DOCS_PATHS,
        report_only: bool = False,
        private_no_store: bool = True,
    ) -> None:
        kinds = [
            _changed({**_EVERYWHERE, **_API}, {**(everywhere or {}), **(api or {})}),
            _changed({**_EVERYWHERE, **_HTML}, {**(everywhere or {}), **(html or {})}),
            _changed(_EVERYWHERE, everywhere or {}),
        ]
        if report_only:
            kinds = [{_reported(name): value for name, value in kind.items()} for kind in kinds]
        self._kinds = kinds
        self._docs_paths = tuple(path.rstrip("/") for path in docs_paths)
        self._no_store = private_no_store

    def for_asgi(self) -> HeaderTable:
        """Return the headers as bytes."""
        return HeaderTable(self._kinds, str.encode, self._docs_paths, no_store=self._no_store)

    def for_wsgi(self) -> HeaderTable:
        """Return the headers as text."""
        return HeaderTable(self._kinds, str, self._docs_paths, no_store=self._no_store)


class HeaderTable:
    """The headers in one of the two types that servers take."""

    def __init__(
        self,
        kinds: list[dict[str, str]],
        convert: Callable[[str], Any],
        docs_paths: tuple[str, ...],
        *,
        no_store: bool,
    ) -> None:
        self._convert = convert
        self._docs_paths = docs_paths
        self._no_store = [(convert("cache-control"), convert("no-store"))] if no_store else []
        # By kind of answer and is_https.
        self._pairs = [[_pairs(kind, convert, https=https) for https in (False, True)] for kind in kinds]
        ours = {name for kind in self._pairs for pairs in kind for name, _ in pairs}
        self.revealing = {convert(name) for name in REVEALING}
        own = {convert(name) for name in ("cache-control", "x-request-id", "ratelimit", "ratelimit-policy")}
        self._of_interest = {*ours, *own, *self.revealing}
        self._type, self._nothing = convert("content-type"), convert("")
        self._html, self._json = convert("text/html"), convert("json")
        self._stream = convert("text/event-stream")
        self._csp, self._frame_options = convert(_CSP), convert("x-frame-options")
        self._no_frames, self._same_origin = convert("frame-ancestors 'none'"), convert("sameorigin")
        self._own_frames = convert("frame-ancestors 'self'")
        self.plain_names: set[Any] = set()
        """Names of headers that need no second look: in lower case, and none of ours."""
        self.plain_media: dict[Any, tuple[list[Pair], ...]] = {}
        """Our headers by media type, for those that are no pages: by is_https + 2 * is_private."""

    def completed(self, exchange: Exchange, headers: list[Pair], own: Sequence[Pair]) -> list[Pair]:
        """Return an answer's headers, with the layer's and ours where it has set none."""
        present = {name.lower(): value for name, value in headers}
        media_type = present.get(self._type, self._nothing)
        is_html = media_type.lower().startswith(self._html)
        is_json = self._json in media_type.lower()
        exchange.is_stream = self._stream in media_type
        if media_type and not is_html and not exchange.is_stream:
            self._remember(headers, media_type, is_json=is_json)
        if exchange.status == NOT_MODIFIED:
            # Its headers take the place of those in the cache, and it does not tell what lies there.
            pairs = self._pairs[_UNKNOWN][exchange.is_https]
        elif is_html:
            pairs = self._for_page(self._pairs[_PAGE][exchange.is_https], exchange)
            if self._frame_options in present:
                pairs = self._framed(pairs, present[self._frame_options])
        else:
            pairs = self._pairs[_DATA][exchange.is_https]
        if is_json and exchange.is_private:
            pairs = [*pairs, *self._no_store]
        kept = [pair for pair in headers if pair[0].lower() not in self.revealing]
        return [*kept, *(pair for pair in (*own, *pairs) if pair[0].lower() not in present)]

    def _remember(self, headers: list[Pair], media_type: Any, *, is_json: bool) -> None:
        """Cache names and a media type that need no further examination; both come from the application."""
        if len(self.plain_names) < MAX_REMEMBERED:
            names = {name for name, _ in headers if name == name.lower()}
            self.plain_names |= names - self._of_interest
        if len(self.plain_media) < MAX_REMEMBERED:
            http, https = self._pairs[_DATA]
            more = self._no_store if is_json else []
            self.plain_media[media_type] = (http, https, http + more, https + more)

    def _for_page(self, pairs: list[Pair], exchange: Exchange) -> list[Pair]:
        path = exchange.path
        if exchange.is_framework_page or any(
            path == root or path.startswith(f"{root}/") for root in self._docs_paths
        ):
            return [pair for pair in pairs if not pair[0].startswith(self._csp)]
        nonce = exchange.nonce
        if not nonce:
            return pairs
        return [
            (name, self._convert(_with_nonce(value, nonce)) if name.startswith(self._csp) else value)
            for name, value in pairs
        ]

    def _framed(self, pairs: list[Pair], options: Any) -> list[Pair]:
        """Let the policy allow the frames that the application allows: it overrides X-Frame-Options."""
        if options.strip().lower() != self._same_origin:
            return pairs
        return [
            (name, value.replace(self._no_frames, self._own_frames))
            if name.startswith(self._csp)
            else (name, value)
            for name, value in pairs
        ]


def _with_nonce(value: str | bytes, nonce: str) -> str:
    policy = value.decode() if isinstance(value, bytes) else value
    source = f"'nonce-{nonce}'"
    named, count = _SCRIPTS.subn(rf"\g<0> {source}", policy, count=1)
    return named if count else f"{policy}; script-src {source} 'strict-dynamic'"


def no_headers(convert: Callable[[str], Any]) -> HeaderTable:
    """Return a table that neither adds nor removes headers."""
    table = HeaderTable([{}, {}, {}], convert, (), no_store=False)
    table.revealing = set()
    return table


def _changed(headers: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    for name, value in changes.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"{name!r} is not a header name, or its value holds more than one line of ASCII")
    names = {name.lower(): name for name in changes}
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    return {**kept, **{name: value for name, value in changes.items() if value}}


def _reported(name: str) -> str:
    return f"{name}-Report-Only" if name.lower() == _CSP else name


def _pairs(headers: Mapping[str, str], convert: Callable[[str], Any], *, https: bool) -> list[Pair]:
    return [
        (convert(name.lower()), convert(value))
        for name, value in headers.items()
        if https or name.lower() != _HSTS
    ]
