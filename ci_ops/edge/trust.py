"""The trusted certificate authorities."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.sockets import PacedTlsSocket

if TYPE_CHECKING:
    from ci_ops.core.ports.world import Env

BUNDLE_NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables that name a file or folder of authorities; the first one set counts."""


def trusting_context(env: Env, ca_file: str = "") -> ssl.SSLContext:
    """Return a client context that verifies chain and host name.

    Trusts `ca_file` alone when it is given, else what the environment names,
    else the system's authorities, else certifi's. Raises HttpError when a named
    one cannot be read.

    The flags are the same on every Python: 3.13 made VERIFY_X509_STRICT the
    default of `create_default_context`, which refuses private authorities that
    every browser and curl accept.
    """
    context = _context()
    named = [(name, env[name]) for name in BUNDLE_NAMES if env.get(name)]
    name, place = ("the given CA file", ca_file) if ca_file else named[0] if named else ("", "")
    if place:
        _load(context, name, Path(place))
    else:
        _load_defaults(context)
    return context


def blind_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a context that accepts any certificate, to inspect a server; nothing may be sent over it.

    Of one version of TLS alone, if it is given. Never to send anything. Weak
    keys and old versions are let through: they are what is looked for. Raises
    ValueError or ssl.SSLError for a version that this machine's OpenSSL does
    not have.
    """
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are to be found, not used
            context.minimum_version = context.maximum_version = version
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = PacedTlsSocket
    return context


def _load(context: ssl.SSLContext, name: str, place: Path) -> None:
    try:
        if place.is_dir():
            context.load_verify_locations(capath=str(place))
        else:
            context.load_verify_locations(cafile=str(place))
    except OSError as error:  # ssl.SSLError is one
        sentence = f"{name} names {place}, which cannot be read as certificates"
        raise HttpError("tls", sentence, transient=False) from error


def _load_defaults(context: ssl.SSLContext) -> None:
    context.load_default_certs()
    system = ssl.get_default_verify_paths()
    if system.cafile or system.capath or context.cert_store_stats()["x509_ca"]:
        return
    with suppress(ImportError):
        import certifi  # noqa: PLC0415 - only where the system has no authorities

        context.load_verify_locations(certifi.where())
