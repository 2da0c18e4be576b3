"""Certificates read from their bytes: the same as another reader says, and never anything but ValueError."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.edge.der import read_certificate
from tests.support.certificates import authority

KEY = ec.generate_private_key(ec.SECP256R1())
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def certificate(
    *,
    names: list[x509.GeneralName] | None = None,
    subject: str = "subject",
    issuer: str = "issuer",
    serial: int = 4711,
    begin: datetime = BEGIN,
    end: datetime = BEGIN + timedelta(days=90),
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
                    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "nobody@localhost"),
                    x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer),
                    x509.NameAttribute(NameOID.COMMON_NAME, issuer),
                ]
            )
        )
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@given(
    subject=TEXT,
    issuer=TEXT,
    serial=st.integers(1, 2**159 - 1),
    begin=st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    days=st.integers(1, 100_000),
)
def test_it_says_what_another_reader_says(
    subject: str, issuer: str, serial: int, begin: datetime, days: int
) -> None:
    begin = begin.replace(microsecond=0, tzinfo=UTC)
    facts = read_certificate(
        certificate(
            subject=subject, issuer=issuer, serial=serial, begin=begin, end=begin + timedelta(days=days)
        )
    )
    assert facts.names == (subject,)
    assert facts.issuer == f"CN={issuer}, O={issuer}, C=DE"
    assert int(facts.serial, 16) == serial
    assert len(facts.serial) % 2 == 0
    assert (facts.not_before, facts.not_after) == (begin, begin + timedelta(days=days))


def test_alternative_names_win_over_the_subject_and_others_are_left_out() -> None:
    data = certificate(
        names=[
            x509.DNSName("a.example"),
            x509.RFC822Name("nobody@localhost"),
            x509.DNSName("*.b.example"),
            x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
            x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        ]
    )
    assert read_certificate(data).names == ("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")


def test_every_way_to_write_a_text_is_read() -> None:
    for kind in x509.name._ASN1Type:
        if kind.name not in {
            "UTF8String",
            "PrintableString",
            "T61String",
            "IA5String",
            "UniversalString",
            "BMPString",
        }:
            continue
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "abc", _type=kind)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(x509.Name([]))
            .public_key(KEY.public_key())
            .serial_number(1)
            .not_valid_before(BEGIN)
            .not_valid_after(BEGIN)
        )
        facts = read_certificate(builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
        assert facts.names in {("abc",), ("a\0b\0c\0",)}, kind


@given(st.binary())
def test_anything_else_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the sentence
        read_certificate(data)


GOOD = certificate(names=[x509.DNSName("a.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))])


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_gives_other_facts_or_a_value_error(at: int, byte: int) -> None:
    data = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        facts = read_certificate(data)
    except ValueError:
        return
    assert facts.not_before.tzinfo is UTC


@given(end=st.integers(0, len(GOOD) - 1))
def test_a_torn_certificate_is_a_value_error(end: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the sentence
        read_certificate(GOOD[:end])


KEYS = {
    ("RSA", 2048): rsa.generate_private_key(65537, 2048),
    ("EC", 224): ec.generate_private_key(ec.SECP224R1()),
    ("EC", 256): KEY,
    ("EC", 384): ec.generate_private_key(ec.SECP384R1()),
    ("EC", 521): ec.generate_private_key(ec.SECP521R1()),
    ("EC", 0): ec.generate_private_key(ec.BrainpoolP256R1()),
    ("Ed25519", 256): ed25519.Ed25519PrivateKey.generate(),
    ("Ed448", 456): ed448.Ed448PrivateKey.generate(),
    ("DSA", 0): dsa.generate_private_key(1024),
}


def signed_by(key: Any, **more: Any) -> bytes:
    """Return a certificate of that key, signed by itself."""
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + timedelta(days=90))
    )
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    signed = builder.sign(key, None if is_edwards else more.pop("by", hashes.SHA256()), **more)
    return signed.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("expected", KEYS, ids=str)
def test_kind_and_bits_of_a_key_are_told(expected: tuple[str, int]) -> None:
    facts = read_certificate(signed_by(KEYS[expected]))
    assert (facts.key_kind, facts.key_bits) == expected


@pytest.mark.parametrize(
    ("key", "more", "expected"),
    [
        (("RSA", 2048), {"by": hashes.SHA256()}, "SHA-256"),
        (("RSA", 2048), {"by": hashes.SHA384()}, "SHA-384"),
        (("EC", 256), {"by": hashes.SHA512()}, "SHA-512"),
        (("EC", 256), {"by": hashes.SHA3_256()}, ""),
        (("Ed25519", 256), {}, "Ed25519"),
        (("RSA", 2048), {"by": hashes.SHA256(), "rsa_padding": True}, "SHA-256"),
        (("RSA", 2048), {"by": hashes.SHA512(), "rsa_padding": True}, "SHA-512"),
    ],
)
def test_the_hash_of_a_signature_is_told(key: tuple[str, int], more: dict[str, Any], expected: str) -> None:
    if more.get("rsa_padding"):
        more = {**more, "rsa_padding": padding.PSS(padding.MGF1(more["by"]), padding.PSS.DIGEST_LENGTH)}
    assert read_certificate(signed_by(KEYS[key], **more)).signature_hash == expected


def test_the_address_of_the_issuers_certificate_is_told() -> None:
    assert read_certificate(certificate()).issuer_address == ""
    pem = authority().issue("shop.test", issuer_address="http://ca.test/x.der")
    der = x509.load_pem_x509_certificates(pem)[0].public_bytes(serialization.Encoding.DER)
    facts = read_certificate(der)
    assert (facts.issuer_address, facts.names) == ("http://ca.test/x.der", ("shop.test",))
