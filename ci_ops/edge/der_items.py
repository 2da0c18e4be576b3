"""The elements of DER: tag, length and content.

Source: ITU-T X.690 section 10.
"""

from __future__ import annotations

Item = tuple[int, bytes]
"""Tag and content."""


def items(data: bytes) -> list[Item]:
    """Yield the elements of the bytes."""
    items, at = list[Item](), 0
    while at < len(data):
        tag, length, start = data[at], *_length(data, at + 1)
        if tag & 0x1F == 0x1F or start + length > len(data):
            raise ValueError("not DER: an element does not fit")
        items.append((tag, data[start : start + length]))
        at = start + length
    return items


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return an element's length, and where its content begins."""
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


def contents(items: list[Item], *tags: int) -> list[bytes]:
    """Return the contents of elements that must have these tags."""
    if [tag for tag, _ in items] != list(tags):
        raise ValueError("not a certificate: something else where a field should be")
    return [content for _, content in items]
