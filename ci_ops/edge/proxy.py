"""The proxy for an address, from the usual environment variables."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from ci_ops.core.ports.http import HttpError

if TYPE_CHECKING:
    from ci_ops.core.ports.world import Env
    from ci_ops.edge.address import Address


def proxy_for(address: Address, env: Env) -> str:
    """Return the proxy's URL, empty for a direct connection. Raises HttpError for an unusable one.

    Raises HttpError for a kind we cannot use.

    Reads `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, lower case
    first. Loopback is always direct.
    Source: curl(1) "ENVIRONMENT"; golang.org/x/net/http/httpproxy for loopback and CIDR.
    """
    if address.is_loopback or _is_excepted(address, _value(env, "no_proxy")):
        return ""
    proxy = _value(env, f"{address.scheme}_proxy") or _value(env, "all_proxy")
    if not proxy:
        return ""
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        sentence = f"the proxy for {address.origin} is of the kind {scheme}, which is not supported"
        raise HttpError("proxy", sentence, transient=False)
    return proxy if separator else f"http://{proxy}"


def _value(env: Env, name: str) -> str:
    return (env.get(name) or env.get(name.upper()) or "").strip()


def _is_excepted(address: Address, no_proxy: str) -> bool:
    return any(_matches(address, entry.lower()) for entry in re.split(r"[\s,]+", no_proxy) if entry)


def _matches(address: Address, entry: str) -> bool:
    if entry == "*":
        return True
    host = address.host.rstrip(".")
    with suppress(ValueError):  # one of the two may be a name
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    name, colon, port = entry.rpartition(":")
    if colon and port.isdigit():
        if int(port) != address.port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))
