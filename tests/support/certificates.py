"""A certificate authority of the tests' own, and certificates good and bad."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


@cache
def authority() -> trustme.CA:
    """The authority whose certificates are trusted."""
    return trustme.CA(organization_name="Tests' own authority")


@cache
def stranger() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA(organization_name="Nobody's authority")


def bundle(folder: Path) -> Path:
    """A file with the trusted authority."""
    file = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(file))
    return file


def server_context(
    *names: str,
    by: trustme.CA | None = None,
    begins: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
) -> ssl.SSLContext:
    """A server's context with a certificate for these names, valid from and to (counted from now)."""
    now = datetime.now(UTC)
    leaf = (by or authority()).issue_cert(
        *(names or ("localhost", "127.0.0.1", "::1")), not_before=now + begins, not_after=now + ends
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
