"""Whom we trust, the same on every Python."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.der import read_certificate
from ci_ops.edge.trust import BUNDLE_NAMES, trusting_context
from tests.support.certificates import authority, bundle

if TYPE_CHECKING:
    from pathlib import Path


def authorities(context: ssl.SSLContext) -> set[str]:
    """The names of organisations among the trusted ones."""
    return {read_certificate(der).issuer.partition("O=")[2] for der in context.get_ca_certs(binary_form=True)}


def test_chain_and_name_are_verified_and_old_protocols_refused() -> None:
    context = trusting_context({})
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN


def test_a_named_file_replaces_the_systems_authorities(tmp_path: Path) -> None:
    for name in BUNDLE_NAMES[:3]:
        assert authorities(trusting_context({name: str(bundle(tmp_path))})) == {"Tests' own authority"}


def test_a_named_folder_is_taken(tmp_path: Path) -> None:
    context = trusting_context({"SSL_CERT_DIR": str(tmp_path)})
    assert context.cert_store_stats()["x509_ca"] == 0


def test_the_first_variable_counts_and_empty_ones_do_not(tmp_path: Path) -> None:
    env = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": str(bundle(tmp_path)), "SSL_CERT_FILE": "/nowhere"}
    assert authorities(trusting_context(env)) == {"Tests' own authority"}


def test_a_given_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(HttpError, match="the given CA file names /nowhere"):
        trusting_context({}, "/nowhere")


def test_where_the_system_has_no_authorities_certifis_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without any name in our own environment OpenSSL itself reads these two.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert trusting_context({}).cert_store_stats()["x509_ca"] > 50


def test_the_authority_of_the_tests_is_not_trusted_by_itself() -> None:
    assert authority().pem not in {
        ssl.DER_cert_to_PEM_cert(der).encode() for der in trusting_context({}).get_ca_certs(True)
    }
