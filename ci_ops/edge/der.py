"""The facts of an X.509 certificate that reports show, parsed from DER.

The standard library explains a certificate only when it trusts it
(`getpeercert()` is empty otherwise), and the untrusted ones are those that
need explaining. So this reads the fields itself, and refuses whatever is not
exactly as the standard says.

Source: ITU-T X.690 section 10 (DER), RFC 5280 section 4.1.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ci_ops.edge.algorithms import key_of, signature_hash
from ci_ops.edge.der_items import Item, contents, items

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OBJECT_ID = 0x30, 0x31, 0x02, 0x04, 0x06
_VERSION, _EXTENSIONS, _DNS_NAME, _URI, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x86, 0x87
_ALTERNATIVE_NAMES = bytes((0x55, 0x1D, 0x11))
_AUTHORITY_INFORMATION = bytes.fromhex("2b06010505070101")
_ISSUERS = bytes.fromhex("2b06010505073002")
"""Where the certificate of the issuer can be fetched. Source: RFC 5280 section 4.2.2.1."""
_NAME_PARTS = {
    b"U\x04" + bytes((number,)): name for number, name in {3: "CN", 6: "C", 10: "O", 11: "OU"}.items()
}
"""Object ids 2.5.4.x. Source: RFC 4519 section 2."""

_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_TIMES = {0x17: re.compile(r"\d{12}Z"), 0x18: re.compile(r"\d{14}Z")}
"""UTCTime, whose years are 1950 to 2049, and GeneralizedTime. Source: RFC 5280 section 4.1.2.5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The contents of a certificate; its texts are untrusted."""

    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    """Alternative names (DNS and IP); without any, the subject's common names."""
    subject: str
    """Such as `CN=shop.example.com`; may be empty."""
    issuer: str
    """Such as `CN=R11, O=Let's Encrypt, C=US`."""
    serial: str
    """Upper-case hexadecimal digits, two for each byte."""
    key_kind: str
    """RSA, EC, DSA, Ed25519 or Ed448; empty for another one."""
    key_bits: int
    """0 where they are not known."""
    signature_hash: str
    """The hash that the signature is made with, such as `SHA-256`; empty where it is not known."""
    issuer_address: str
    """Where the certificate of the issuer can be fetched; empty where it does not say."""


def read_certificate(data: bytes) -> Facts:
    """Return the facts of a DER certificate. Raises ValueError for anything else."""
    [certificate] = contents(items(data), _SEQUENCE)
    [body, *_] = contents(items(certificate)[:1], _SEQUENCE)
    fields = items(body)
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    serial, signature, issuer, validity, subject, key = contents(fields[:6], _INTEGER, *[_SEQUENCE] * 5)
    not_before, not_after = (_time(item) for item in items(validity))
    kind, bits = key_of(key)
    return Facts(
        not_before=not_before,
        not_after=not_after,
        names=_alternative_names(fields[6:]) or tuple(text for kind, text in _name(subject) if kind == "CN"),
        subject=_shown_name(subject),
        issuer=_shown_name(issuer),
        serial=serial.lstrip(b"\0").hex().upper() or "00",
        key_kind=kind,
        key_bits=bits,
        signature_hash=signature_hash(signature),
        issuer_address=_issuer_address(fields[6:]),
    )


def _time(item: Item) -> datetime:
    tag, content = item
    text = content.decode("ascii")
    if tag not in _TIMES or not _TIMES[tag].fullmatch(text):
        raise ValueError("not a certificate: a time that cannot be read")
    if len(text) == 13:
        text = f"{'19' if text >= '50' else '20'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(data: bytes) -> list[tuple[str, str]]:
    """Return the common parts of a distinguished name, in their order."""
    parts = list[tuple[str, str]]()
    for part in (part for tag, group in items(data) if tag == _SET for part in items(group)):
        [pair] = contents([part], _SEQUENCE)
        (id_tag, object_id), (text_tag, text) = items(pair)
        if id_tag == _OBJECT_ID and object_id in _NAME_PARTS and text_tag in _ENCODINGS:
            parts.append((_NAME_PARTS[object_id], text.decode(_ENCODINGS[text_tag])))
    return parts


def _shown_name(data: bytes) -> str:
    return ", ".join(f"{kind}={text}" for kind, text in reversed(_name(data)))


def _alternative_names(fields: list[Item]) -> tuple[str, ...]:
    value = _extension(fields, _ALTERNATIVE_NAMES)
    if not value:
        return ()
    [names] = contents(items(value), _SEQUENCE)
    return tuple(_alternative(item) for item in items(names) if item[0] in {_DNS_NAME, _IP_ADDRESS})


def _issuer_address(fields: list[Item]) -> str:
    value = _extension(fields, _AUTHORITY_INFORMATION)
    for access in contents(items(value), _SEQUENCE) if value else ():
        for description in contents(items(access), *[_SEQUENCE] * len(items(access))):
            (id_tag, method), (place_tag, place) = items(description)
            if (id_tag, method, place_tag) == (_OBJECT_ID, _ISSUERS, _URI):
                return place.decode("ascii")
    return ""


def _extension(fields: list[Item], object_id: bytes) -> bytes:
    """Return the value of that extension; empty for none."""
    for extension in (each for tag, data in fields if tag == _EXTENSIONS for each in _extensions(data)):
        (id_tag, found), *_, (value_tag, value) = items(extension)
        if (id_tag, found, value_tag) == (_OBJECT_ID, object_id, _OCTETS):
            return value
    return b""


def _extensions(data: bytes) -> list[bytes]:
    [extensions] = contents(items(data), _SEQUENCE)
    found = items(extensions)
    return contents(found, *[_SEQUENCE] * len(found))


def _alternative(item: Item) -> str:
    tag, content = item
    return content.decode("ascii") if tag == _DNS_NAME else str(ipaddress.ip_address(content))
