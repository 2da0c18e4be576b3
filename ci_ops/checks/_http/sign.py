"""Signed probes: the service's kit neither counts nor blocks them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from ci_ops.core.errors import UsageError
from ci_ops.core.text.probe_signature import KEY_VARIABLE, PROBE_HEADER, probe_key, sign_probe

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World


def probe_headers(world: World, method: str, url: str) -> dict[str, str]:
    """Return the header that signs a request; none where CI_OPS_PROBE_KEY is not set. Raises UsageError."""
    text = world.env.get(KEY_VARIABLE, "")
    if not text:
        return {}
    try:
        key = probe_key(text)
    except ValueError as error:
        raise UsageError(
            str(error), hint="Make one with `openssl rand -hex 32`, the same for the service."
        ) from None
    world.redact.add(text.strip())
    path = unquote_to_bytes(urlsplit(url).path)
    return {PROBE_HEADER: sign_probe(key, method, path, at_seconds=world.clock.now().timestamp())}
