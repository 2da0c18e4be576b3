"""The few facts of an X.509 certificate that we show, read from its bytes.

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

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OBJECT_ID = 0x30, 0x31, 0x02, 0x04, 0x06
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_ALTERNATIVE_NAMES = bytes((0x55, 0x1D, 0x11))
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

Item = tuple[int, bytes]
"""Tag and content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a certificate says of itself.

    Its texts are whatever its maker wrote.
    """

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


def read_certificate(data: bytes) -> Facts:
    """The facts of a DER certificate. Raises ValueError when it is not one."""
    [certificate] = _contents(_items(data), _SEQUENCE)
    [body, *_] = _contents(_items(certificate)[:1], _SEQUENCE)
    fields = _items(body)
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    serial, _, issuer, validity, subject, _ = _contents(fields[:6], _INTEGER, *[_SEQUENCE] * 5)
    not_before, not_after = (_time(item) for item in _items(validity))
    return Facts(
        not_before=not_before,
        not_after=not_after,
        names=_alternative_names(fields[6:]) or tuple(text for kind, text in _name(subject) if kind == "CN"),
        subject=_shown_name(subject),
        issuer=_shown_name(issuer),
        serial=serial.lstrip(b"\0").hex().upper() or "00",
    )


def _items(data: bytes) -> list[Item]:
    """The elements that the bytes are made of."""
    items, at = list[Item](), 0
    while at < len(data):
        tag, length, start = data[at], *_length(data, at + 1)
        if tag & 0x1F == 0x1F or start + length > len(data):
            raise ValueError("not DER: an element does not fit")
        items.append((tag, data[start : start + length]))
        at = start + length
    return items


def _length(data: bytes, at: int) -> tuple[int, int]:
    """An element's length, and where its content begins."""
    if at >= len(data):
        raise ValueError("not DER: it ends too soon")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first - 0x80
    digits = data[at + 1 : at + 1 + count]
    length = int.from_bytes(digits)
    if not 1 <= count <= 4 or len(digits) < count or length < 0x80 or digits[0] == 0:
        raise ValueError("not DER: a length that cannot be")
    return length, at + 1 + count


def _contents(items: list[Item], *tags: int) -> list[bytes]:
    """The contents of elements that must have these tags."""
    if [tag for tag, _ in items] != list(tags):
        raise ValueError("not a certificate: something else where a field should be")
    return [content for _, content in items]


def _time(item: Item) -> datetime:
    tag, content = item
    text = content.decode("ascii")
    if tag not in _TIMES or not _TIMES[tag].fullmatch(text):
        raise ValueError("not a certificate: a time that cannot be read")
    if len(text) == 13:
        text = f"{'19' if text >= '50' else '20'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(data: bytes) -> list[tuple[str, str]]:
    """The parts of a name that people know, in their order."""
    parts = list[tuple[str, str]]()
    for part in (part for tag, group in _items(data) if tag == _SET for part in _items(group)):
        [pair] = _contents([part], _SEQUENCE)
        (id_tag, object_id), (text_tag, text) = _items(pair)
        if id_tag == _OBJECT_ID and object_id in _NAME_PARTS and text_tag in _ENCODINGS:
            parts.append((_NAME_PARTS[object_id], text.decode(_ENCODINGS[text_tag])))
    return parts


def _shown_name(data: bytes) -> str:
    return ", ".join(f"{kind}={text}" for kind, text in reversed(_name(data)))


def _alternative_names(fields: list[Item]) -> tuple[str, ...]:
    for extension in (each for tag, data in fields if tag == _EXTENSIONS for each in _extensions(data)):
        (id_tag, object_id), *_, (value_tag, value) = _items(extension)
        if (id_tag, object_id, value_tag) == (_OBJECT_ID, _ALTERNATIVE_NAMES, _OCTETS):
            [names] = _contents(_items(value), _SEQUENCE)
            return tuple(_alternative(item) for item in _items(names) if item[0] in {_DNS_NAME, _IP_ADDRESS})
    return ()


def _extensions(data: bytes) -> list[bytes]:
    [extensions] = _contents(_items(data), _SEQUENCE)
    items = _items(extensions)
    return _contents(items, *[_SEQUENCE] * len(items))


def _alternative(item: Item) -> str:
    tag, content = item
    return content.decode("ascii") if tag == _DNS_NAME else str(ipaddress.ip_address(content))
