"""The default checks for a service of which only the address is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ci_ops.core.named import NamedCheck
from ci_ops.plugins import family

if TYPE_CHECKING:
    from ci_ops.config.model import VerifySection

YEAR_SECONDS = 365 * 86_400.0


def with_usual_checks(verify: VerifySection, *, url: str = "", has_revision: bool) -> VerifySection:
    """Return the section with an address and checks: as configured, else the default ones.

    The defaults: health, the revision where one is expected, the front page where it is not the
    health URL itself, and TLS for https. Without any address nothing is added.
    """
    known = replace(verify, url=verify.url or url)
    if known.checks or not known.url:
        return known
    parts = urlsplit(known.url)
    settings: dict[str, dict[str, Any]] = {"revision": {}} if has_revision else {}
    settings["health"] = {}
    if parts.path not in {"", "/"} or not parts.query:
        settings["endpoints"] = {"paths": {"/": _front_page()}}
    if parts.scheme == "https":
        settings["tls"] = {}
    checks = family("checks")
    usual = (NamedCheck(name=name, plugin=checks.load(name)(**each)) for name, each in settings.items())
    return replace(known, checks=tuple(usual))


def _front_page() -> Any:
    """Return the default expectation for a front page: any status but a server error, cached or not.

    Many services have none (404), redirect visitors to a sign-in, or serve the page from a CDN.
    """
    from ci_ops.checks._http.expect import Expectation  # noqa: PLC0415 - few runs need it

    return Expectation(status=tuple(range(200, 500)), max_age=YEAR_SECONDS)
