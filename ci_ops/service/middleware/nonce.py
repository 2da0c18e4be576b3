"""Nonces for inline scripts under a Content-Security-Policy."""

from __future__ import annotations

import secrets

from ci_ops.service.logs.context import frame


def csp_nonce() -> str:
    """Return the nonce of the current page: `<script nonce="…">`.

    The policy of a page that uses it names it. Raises LookupError outside of a
    request that passes the middleware.
    """
    request = frame.get()
    if request is None:
        raise LookupError("there is no request here whose answer could carry the nonce")
    while request.outer is not None:
        request = request.outer
    request.nonce = request.nonce or secrets.token_urlsafe(16)
    return request.nonce
