"""Faults in the security headers of one response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_Headers = Mapping[str, str]
_Problem = Callable[[_Headers], str]
"""Returns what is wrong with the headers, as the end of a sentence; empty for nothing."""

_SAFE_REFERRERS = frozenset(
    {"no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin"}
    | {"strict-origin-when-cross-origin"}
)
_REFERRERS = _SAFE_REFERRERS | {"no-referrer-when-downgrade", "unsafe-url"}
_OPENER = re.compile(
    r"(?:same-origin|same-origin-allow-popups|noopener-allow-popups)\s*(?:;|$)", re.IGNORECASE
)
_ANY_SCRIPT = frozenset({"*", "http:", "https:", "data:"})
_SCRIPT_PROOF = re.compile(r"'(?:nonce-|sha(?:256|384|512)-|strict-dynamic')", re.IGNORECASE)
_VERSION = re.compile(r"/\s*v?\d|\d+\.\d")
_REVEALING = ("x-powered-by", "x-aspnet-version", "x-aspnetmvc-version")


def problems_of(headers: _Headers, *, is_page: bool, is_https: bool) -> dict[str, str]:
    """Return the rules that the headers break, each with the end of a sentence."""
    problems = {**(_FOR_PAGES if is_page else _FOR_DATA), **_EVERYWHERE}
    found = {rule: problem(headers) for rule, problem in problems.items()}
    if not is_https and "strict-transport-security" in headers:
        found["hsts-over-http"] = "sends Strict-Transport-Security over plain http"
    return {rule: problem for rule, problem in found.items() if problem}


def _lacks(name: str, is_good: Callable[[str], bool]) -> _Problem:
    def problem(headers: _Headers) -> str:
        value = headers.get(name.lower())
        if value is None:
            return f"sends no {name}"
        return "" if is_good(value) else f"sends a {name} that does not protect"

    return problem


def _content_policy(headers: _Headers) -> str:
    """Return the problem of the content policies; one that restricts scripts is enough.

    Browsers enforce every policy of the header.
    """
    value = headers.get("content-security-policy")
    if value is None:
        only = "content-security-policy-report-only" in headers
        return (
            "sends a Content-Security-Policy that only reports"
            if only
            else "sends no Content-Security-Policy"
        )
    is_good = any(_restricts_scripts(policy) for policy in _policies(value))
    return "" if is_good else "sends a Content-Security-Policy that allows any script"


def _policies(value: str) -> list[dict[str, list[str]]]:
    """Return each policy of the header: directive to sources. Of a repeated directive the first counts."""
    found = []
    for policy in value.split(","):
        directives: dict[str, list[str]] = {}
        for directive in policy.split(";"):
            name, *sources = directive.split() or [""]
            directives.setdefault(name.lower(), [each.lower() for each in sources])
        found.append(directives)
    return found


def _restricts_scripts(policy: Mapping[str, list[str]]) -> bool:
    sources = policy.get("script-src", policy.get("default-src"))
    if sources is None:
        return False
    if any(_SCRIPT_PROOF.match(each) for each in sources):
        return True
    return "'unsafe-inline'" not in sources and not _ANY_SCRIPT & set(sources)


def _framing(headers: _Headers) -> str:
    ancestors = [
        policy["frame-ancestors"]
        for policy in _policies(headers.get("content-security-policy", ""))
        if "frame-ancestors" in policy
    ]
    options = [each.strip().lower() for each in headers.get("x-frame-options", "").split(",")]
    if any("*" not in each for each in ancestors) or (
        not ancestors and set(options) <= {"deny", "sameorigin"}
    ):
        return ""  # frame-ancestors overrides X-Frame-Options
    return "does not say who may show it in a frame"


def _referrer(value: str) -> bool:
    """Return the problem of the referrer policy; browsers use the last word they know."""
    known = [each for each in re.split(r"[\s,]+", value.lower()) if each in _REFERRERS]
    return bool(known) and known[-1] in _SAFE_REFERRERS


def _xss(headers: _Headers) -> str:
    value = headers.get("x-xss-protection", "0").strip()
    return "" if value.startswith("0") else "switches on X-XSS-Protection"


def _reveals(headers: _Headers) -> str:
    headers_found = [name for name in _REVEALING if headers.get(name, "").strip()]
    if _VERSION.search(headers.get("server", "")):
        headers_found.insert(0, "server")
    return f"reveals software or its version in {', '.join(headers_found)}" if headers_found else ""


def _cacheable(headers: _Headers) -> str:
    directives = {
        each.partition("=")[0].strip() for each in headers.get("cache-control", "").lower().split(",")
    }
    return "" if "no-store" in directives else "may be stored by caches although credentials were sent"


def relevant(headers: _Headers, rule: str) -> str:
    """Return the headers that the rule is about, as evidence."""
    names = _RELEVANT.get(rule, (f"cross-origin-{rule}", rule))
    present = [f"{name}: {headers[name]}" for name in names if name in headers]
    return "; ".join(present) or "nothing"


_RELEVANT: Mapping[str, tuple[str, ...]] = {
    "content-security-policy": ("content-security-policy", "content-security-policy-report-only"),
    "content-type-options": ("x-content-type-options",),
    "framing": ("x-frame-options", "content-security-policy"),
    "xss-protection": ("x-xss-protection",),
    "revealing": ("server", *_REVEALING),
    "cacheable": ("cache-control",),
    "hsts-over-http": ("strict-transport-security",),
}
_EVERYWHERE: Mapping[str, _Problem] = {
    "content-type-options": _lacks(
        "X-Content-Type-Options", lambda value: value.partition(",")[0].strip().lower() == "nosniff"
    ),
    "framing": _framing,
    "referrer-policy": _lacks("Referrer-Policy", _referrer),
    "xss-protection": _xss,
    "revealing": _reveals,
}
_FOR_PAGES: Mapping[str, _Problem] = {
    "content-security-policy": _content_policy,
    "opener-policy": _lacks("Cross-Origin-Opener-Policy", lambda value: bool(_OPENER.match(value.strip()))),
    "permissions-policy": _lacks("Permissions-Policy", lambda value: "=" in value),
}
_FOR_DATA: Mapping[str, _Problem] = {
    "cacheable": _cacheable,
    "resource-policy": _lacks(
        "Cross-Origin-Resource-Policy",
        lambda value: value.strip().lower() in {"same-origin", "same-site", "cross-origin"},
    ),
}
EXPECTED: Mapping[str, str] = {
    "content-security-policy": "a policy with script-src or default-src, without 'unsafe-inline' and wildcards",
    "content-type-options": "X-Content-Type-Options: nosniff",
    "framing": "frame-ancestors in the Content-Security-Policy, or X-Frame-Options: DENY or SAMEORIGIN",
    "referrer-policy": "Referrer-Policy: strict-origin-when-cross-origin, or stricter",
    "opener-policy": "Cross-Origin-Opener-Policy: same-origin",
    "resource-policy": "Cross-Origin-Resource-Policy: same-origin, same-site or cross-origin",
    "permissions-policy": "a Permissions-Policy with at least one feature",
    "xss-protection": "X-XSS-Protection: 0, or no such header",
    "revealing": "no header with a version",
    "cacheable": "Cache-Control: no-store",
    "hsts-over-http": "no Strict-Transport-Security over http",
}
"""What each rule expects."""
