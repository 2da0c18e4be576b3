"""What is checked when an address is all that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_ops.config.model import NamedCheck
from ci_ops.plugins import family

if TYPE_CHECKING:
    from ci_ops.config.model import VerifySection


def with_usual_checks(verify: VerifySection, *, url: str = "", has_revision: bool) -> VerifySection:
    """The section with an address and checks: as configured, else the usual ones.

    The usual ones: health, the revision where one is expected, and TLS where
    the address is https. Without any address nothing is added.
    """
    known = replace(verify, url=verify.url or url)
    if known.checks or not known.url:
        return known
    names = ["revision"] if has_revision else []
    names.append("health")
    if urlsplit(known.url).scheme == "https":
        names.append("tls")
    checks = family("checks")
    return replace(known, checks=tuple(NamedCheck(name=name, plugin=checks.load(name)()) for name in names))
