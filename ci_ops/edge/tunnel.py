"""Tunnels through an HTTP proxy with the method CONNECT."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.address import Address
from ci_ops.edge.failures import explained
from ci_ops.edge.sockets import PacedTlsSocket, open_socket

if TYPE_CHECKING:
    import socket
    import ssl

    from ci_ops.edge.sockets import Call


def open_tunnel(proxy: str, target: Address, call: Call, context: ssl.SSLContext) -> socket.socket:
    """Return a connection through the proxy to the target's host and port.

    `context` says whom to trust where the proxy itself is asked over TLS.
    Raises HttpError of the kind `proxy` when the proxy does not connect us.
    """
    entrance = Address.read(proxy)
    try:
        sock: socket.socket = open_socket(entrance.host, entrance.port, call)
    except HttpError as error:
        sentence = f"the proxy for {call.subject} cannot be reached ({error.kind})"
        raise HttpError("proxy", sentence, transient=True) from None
    try:
        if entrance.scheme == "https":
            sock = context.wrap_socket(sock, server_hostname=entrance.host)
        _connect(sock, entrance, target, call)
    except HttpError:
        sock.close()
        raise
    except (OSError, http.client.HTTPException) as error:
        sock.close()
        sentence = f"the proxy for {call.subject} failed: {explained(error, 'it').sentence}"
        raise HttpError("proxy", sentence, transient=True) from None
    return sock


def is_encrypted(sock: socket.socket) -> bool:
    """Return True when the connection to the proxy already uses TLS."""
    return isinstance(sock, PacedTlsSocket)


def _connect(sock: socket.socket, entrance: Address, target: Address, call: Call) -> None:
    call.doing = "asking the proxy for a way"
    host = f"[{target.host}]" if ":" in target.host else target.host
    lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}"]
    lines += [f"Proxy-Authorization: {entrance.credentials}"] if entrance.credentials else []
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    with http.client.HTTPResponse(sock, method="CONNECT") as answer:
        answer.begin()
        if not 200 <= answer.status <= 299:
            sentence = f"the proxy did not connect us to {call.subject} and answered {answer.status}"
            raise HttpError("proxy", sentence, transient=answer.status >= 500)
