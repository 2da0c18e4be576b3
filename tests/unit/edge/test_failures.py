"""Every failure on the wire becomes one kind with one harmless sentence."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl

import pytest
import requests
import urllib3

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.failures import certificate_problem, explained

SUBJECT = "https://service.invalid"


def wrapped(error: Exception) -> Exception:
    """As urllib3 and requests hand it on."""
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted. /secret", error))


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        (socket.gaierror(socket.EAI_NONAME, "secret"), "dns", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "secret"), "refused", True),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "route", True),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "route", True),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "refused", True),
        (http.client.RemoteDisconnected("secret"), "reset", True),
        (ConnectionResetError(errno.ECONNRESET, "secret"), "reset", True),
        (BrokenPipeError(errno.EPIPE, "secret"), "reset", True),
        (ConnectionAbortedError(errno.ECONNABORTED, "secret"), "reset", True),
        (http.client.IncompleteRead(b"secret"), "body", True),
        (TimeoutError("secret"), "timeout", True),
        (http.client.BadStatusLine("secret"), "protocol", False),
        (UnicodeError("secret"), "url", False),
        (ssl.SSLEOFError(8, "secret"), "tls", True),
        (ssl.SSLError(1, "secret"), "tls", False),
        (ValueError("secret"), "protocol", False),
        (HttpError("redirect", "as it is", transient=False), "redirect", False),
    ],
)
def test_the_cause_is_found_however_deep_it_lies(error: Exception, kind: str, transient: bool) -> None:
    for outer in (error, wrapped(error), wrapped(wrapped(error))):
        found = explained(outer, SUBJECT)
        assert (found.kind, found.transient) == (kind, transient)
        assert "secret" not in found.sentence


def test_a_name_that_does_not_exist_seldom_appears_and_a_resolver_that_fails_may_recover() -> None:
    for number, lasting in ((socket.EAI_NONAME, True), (socket.EAI_AGAIN, False), (socket.EAI_FAIL, False)):
        found = explained(wrapped(socket.gaierror(number, "secret")), SUBJECT)
        assert (found.kind, found.transient, found.lasting) == ("dns", True, lasting)


def test_a_cause_that_is_chained_or_its_own_cause_is_found_too() -> None:
    error = RuntimeError("outer")
    error.__cause__ = ConnectionResetError()
    error.__cause__.__context__ = error
    assert explained(error, SUBJECT).kind == "reset"


def test_a_certificate_problem_nobody_knows_is_other() -> None:
    error = ssl.SSLCertVerificationError(1, "?")
    error.verify_code, error.verify_message = 999, "something new"
    assert certificate_problem(error) == "other"
    assert explained(error, SUBJECT).sentence == (
        "https://service.invalid has a certificate that cannot be trusted (something new)"
    )
