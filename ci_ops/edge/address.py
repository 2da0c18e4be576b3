"""One http or https URL: what is requested, and what may be shown."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from ci_ops.core.ports.http import HttpError

DEFAULT_PORTS = {"http": 80, "https": 443}
_UNFIT = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A parsed URL whose user info is separate from everything that is shown."""

    scheme: str
    host: str
    """Lower case, without brackets."""
    port: int
    url: str
    """As typed, without user info and fragment."""
    credentials: str = ""
    """The value of an Authorization header made of the user info; empty for none."""

    @classmethod
    def read(cls, url: str) -> Address:
        """Parse a URL. Raises HttpError (kind `url`) with a sentence that does not repeat it."""
        if _UNFIT.search(url):
            raise _unusable("has blanks or control characters in it")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise _unusable("has a host or port that cannot be read") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise _unusable("does not start with http:// or https://")
        if not _is_host(host) or port == 0:
            raise _unusable("has no usable host and port")
        netloc = parts.netloc.rpartition("@")[2]
        return cls(
            scheme=parts.scheme,
            host=host,
            port=port or DEFAULT_PORTS[parts.scheme],
            url=parts._replace(netloc=netloc, fragment="").geturl(),
            credentials=_basic(parts.username, parts.password),
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port: the only part of a URL that errors show, because paths may be secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_loopback(self) -> bool:
        """True when requests to it stay on this machine."""
        host = self.host.rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def follow(self, location: str) -> Address:
        """Return the target of a redirect. Raises HttpError when it must not be followed."""
        try:
            target = Address.read(urljoin(self.url, location))
        except (HttpError, ValueError):
            sentence = f"{self.origin} redirects to an address that cannot be used"
            raise HttpError("redirect", sentence, transient=False) from None
        if self.scheme == "https" and target.scheme == "http" and not target.is_loopback:
            sentence = f"{self.origin} redirects from https to {target.origin}, which is not encrypted"
            raise HttpError("redirect", sentence, transient=False)
        return target


def _is_host(host: str) -> bool:
    """Return True for IP addresses and for names that are valid in DNS and TLS."""
    try:
        return bool(host.rstrip(".").encode("idna"))
    except UnicodeError:  # a label that is empty or too long
        return False


def _unusable(why: str) -> HttpError:
    return HttpError("url", f"the address {why}", transient=False)


def _basic(user: str | None, password: str | None) -> str:
    if user is None and password is None:
        return ""
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
