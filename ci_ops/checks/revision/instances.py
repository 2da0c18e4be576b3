"""The instances behind a load balancer, each asked by itself."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ci_ops.core.text.weburl import at_path, read_url, safe_url

_SEPARATORS = re.compile(r"[\s,]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One place to which a connection is opened."""

    name: str
    """As it stands in reports; empty for whichever address comes."""
    url: str
    connect_to: str = ""


def addresses_in(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Return each address once; an entry may hold a whole list, with blanks or commas between."""
    found = (each for entry in entries for each in _SEPARATORS.split(entry.strip()))
    return tuple(dict.fromkeys(filter(None, found)))


def place_of(address: str, url: str) -> Place:
    """Return how an instance is asked for what `url` says of the whole service.

    An IP address gets the request as the service's name would; a host with a
    port, or a full address, under its own name. Raises ValueError.
    """
    try:
        ip = str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        pass
    else:
        return Place(name=ip, url=url, connect_to=ip)
    service = urlsplit(url)
    try:
        parts = read_url(address if "://" in address else f"{service.scheme}://{address}")
    except ValueError as error:
        raise ValueError(f"{safe_url(address)}: {error}") from None
    path = f"{service.path}?{service.query}" if service.query else service.path
    place = at_path(parts, path)
    return Place(name=parts.netloc.rpartition("@")[2], url=place)
