"""The client of a request behind proxies: one answer for limits, logs and audit.

Only named proxies are believed. The address is that of the peer, unless the
peer is in a configured proxy network: then the header that those proxies
write is read from the right, past every trusted hop, to the first address
that is not one of them. What stands further left was written by the client.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ci_ops.service.limits.forwarded import forwarded_for
from ci_ops.service.limits.networks import NetworkSet, ip_key, is_private, read_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CROWD = 40
"""A proxy that was not named gets the quota of so many clients."""
MAX_HOPS = 32
MAX_HEADER_LENGTH = 2048
BY_HEADER = "by-header:"
BY_SERVER = "by-server"
"""The peer of a connection whose address the server has replaced by that of a header."""
_FORWARDED_FOR = b"x-forwarded-for"
UNIX = "unix"
"""In `trusted`: peers on a Unix socket. As an address: such a peer without further information."""


class Client(NamedTuple):
    """The client of a request."""

    address: str
    """IP address in its usual spelling; `unix` for a peer on a Unix socket without a header."""
    key: str
    """Key to count the client under: the address, or the /64 of an IPv6 address.

    For a suspect one, the address in the header, with `by-header:` before it.
    """
    is_peer: bool
    """True when the address is that of the connection."""
    is_suspect: bool
    """True when the peer looks like a proxy that was not configured: do not block it."""


class ClientResolver:
    """Finds the client behind the trusted proxies.

    `trusted` names proxy networks (`10.0.0.0/8`) and `unix`; with `hops` the
    proxies are counted instead, where their addresses are not known. `header`
    is what they write: `x-forwarded-for`, `forwarded` (RFC 7239), or a single
    address such as `cf-connecting-ip`, which needs the platform's networks in
    `trusted`. Other headers are ignored.
    """

    def __init__(
        self, trusted: Iterable[str] = (), *, header: str = "x-forwarded-for", hops: int = 0
    ) -> None:
        names = tuple(trusted)
        if "*" in names:
            raise ValueError("trusting every peer lets each client choose its address: name the networks")
        if names and hops:
            raise ValueError("name the trusted networks or count the hops, not both")
        if not 0 <= hops <= MAX_HOPS:
            raise ValueError(f"there are 0 to {MAX_HOPS} hops")
        self.header = header.lower()
        if self.header not in {"x-forwarded-for", "forwarded"} and not names:
            raise ValueError(
                f"{header} can be sent by any client: name the networks of the platform that sets it"
            )
        self._trusts_unix = UNIX in names
        self._trusted = NetworkSet(name for name in names if name != UNIX)
        self._hops = hops
        self._header_bytes = self.header.encode()
        self._environ_name = "HTTP_" + self.header.upper().replace("-", "_")
        self._resolve = lru_cache(maxsize=4096)(self._walk)
        self.of_peer: Callable[[str], Client] = lru_cache(maxsize=4096)(partial(self._walk, forwarded=""))
        """As `resolve`, for a connection that carried no such header."""
        self.diagnosis = ""
        """A sentence, once requests looked as if a proxy was forgotten; empty until then."""

    def resolve(self, peer: str | None, forwarded: str = "") -> Client:
        """Return the client of a connection from `peer` with these header values.

        Several header lines are joined by commas, in their order.
        """
        if len(forwarded) > MAX_HEADER_LENGTH:
            forwarded = forwarded[-MAX_HEADER_LENGTH:].partition(",")[2]
        return self._diagnosed(self._resolve(peer or UNIX, forwarded))

    def _diagnosed(self, client: Client) -> Client:
        if client.is_suspect and not self.diagnosis:
            self.diagnosis = (
                f"{_unnamed(client, self.header)}: any client can send that header, so its quota goes by the header, "
                f"no address is blocked, and all of them share the quota of {CROWD} clients; "
                "name the proxy's network in CI_OPS_TRUSTED_PROXIES"
            )
        return client

    def from_asgi(self, scope: Mapping[str, Any]) -> Client:
        """Return the client of an ASGI connection."""
        name = self._header_bytes
        lines = [value for key, value in scope["headers"] if key == name]
        forwarded = b",".join(lines).decode("latin-1") if lines else ""
        peer = connection_peer(scope)
        if peer == BY_SERVER:
            return self._replaced(scope["client"][0], forwarded)
        return self.resolve(peer, forwarded)

    def from_wsgi(self, environ: Mapping[str, Any]) -> Client:
        """Return the client of a WSGI request.

        WSGI cannot tell `X-Forwarded-For` from `X_Forwarded_For`: the server
        has to drop names with underscores, as gunicorn does by default.
        """
        return self.resolve(wsgi_peer(environ), environ.get(self._environ_name, ""))

    def is_trusted(self, peer: str | None) -> bool:
        """Return True when this peer may state facts about clients, such as their scheme."""
        if self._hops:
            return True
        return self._trusts_unix if peer in {None, "", UNIX} else peer in self._trusted

    def _replaced(self, address: str, forwarded: str) -> Client:
        """Resolve a client whose address the server has taken from a header already.

        Its peer is a proxy that the server trusts; which one is not known here.
        """
        entries = self._entries(forwarded[-MAX_HEADER_LENGTH:])
        if self._trusted or self._hops:
            found = self._by_count(entries) if self._hops else self._past_trusted(entries)
            return _client(found or read_address(address) or address, is_peer=False)
        peer = _client(read_address(address) or address, is_peer=False)
        return self._diagnosed(_suspect(peer, [address]))

    def _walk(self, peer: str, forwarded: str) -> Client:
        own = peer if peer == UNIX else read_address(peer) or peer
        entries = self._entries(forwarded)
        if not self.is_trusted(own):
            peer_client = _client(own, is_peer=True)
            is_suspect = bool(entries) and (own == UNIX or is_private(own))
            return _suspect(peer_client, entries) if is_suspect else peer_client
        address = self._by_count(entries) if self._hops else self._past_trusted(entries)
        return _client(address or own, is_peer=address is None)

    def _past_trusted(self, entries: list[str]) -> str | None:
        found = None
        for entry in reversed(entries):
            address = read_address(entry)
            if address is None:
                break  # unreadable, though a trusted hop wrote it: the hop is all we know
            found = address
            if address not in self._trusted:
                break
        return found

    def _by_count(self, entries: list[str]) -> str | None:
        """Return the entry that the outermost of our proxies wrote.

        Where there are fewer, a request bypassed the outer ones, and the first
        entry is what our proxy saw of it.
        """
        return read_address(entries[max(0, len(entries) - self._hops)]) if entries else None

    def _entries(self, forwarded: str) -> list[str]:
        if not forwarded:
            return []
        if self.header != "forwarded":
            return forwarded.split(",")[-MAX_HOPS:]
        return forwarded_for(forwarded, limit=MAX_HOPS)


def connection_peer(scope: Mapping[str, Any]) -> str | None:
    """Return the address of an ASGI connection; None for a Unix socket.

    BY_SERVER where the server replaced it: uvicorn does so by default for
    proxies on 127.0.0.1, and then nothing tells which proxy it was.

    Source: uvicorn 0.54, `ProxyHeadersMiddleware`: the port is the header's, or 0.
    """
    peer = scope.get("client")
    if not peer:
        return None
    host: str = peer[0]
    for name, value in scope["headers"]:
        if name == _FORWARDED_FOR and (peer[1] == 0 or f"{host}:{peer[1]}".encode() in value):
            return BY_SERVER
    return host


def wsgi_peer(environ: Mapping[str, Any]) -> str | None:
    """Return the address of a WSGI connection, also where Werkzeug's `ProxyFix` has replaced it."""
    before: Mapping[str, Any] = environ.get("werkzeug.proxy_fix.orig", environ)
    address: str | None = before.get("REMOTE_ADDR")
    return address


def _unnamed(client: Client, header: str) -> str:
    if not client.is_peer:
        return "the server took a client's address from X-Forwarded-For, but no trusted proxy is named"
    return f"requests arrive from {client.address} with {header}, but that address is not a trusted proxy"


def _client(address: str, *, is_peer: bool) -> Client:
    return Client(address=address, key=ip_key(address), is_peer=is_peer, is_suspect=False)


def _suspect(peer: Client, entries: list[str]) -> Client:
    """Return a client told apart by a header that any client could have sent.

    Its key is one that no other client has, so that a false header uses up no
    other client's quota.
    """
    addresses = [address for entry in reversed(entries) if (address := read_address(entry))]
    public = (address for address in addresses if not is_private(address))
    told = next(public, addresses[-1] if addresses else peer.address)
    return peer._replace(key=f"{BY_HEADER}{ip_key(told)}", is_suspect=True)
