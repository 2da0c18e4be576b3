"""Reading of response bodies with a limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ci_ops.core.ports.http import HttpError

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCEPTED = "gzip"
"""What is asked for, and what a server may use."""

_PLAIN, _GZIP = {"", "identity"}, {"gzip", "x-gzip"}
_GZIP_FORMAT = 16 + zlib.MAX_WBITS


def read_body(chunks: Iterable[bytes], *, encoding: str, max_body: int, subject: str) -> tuple[bytes, bool]:
    """Return at most `max_body` decoded bytes, and whether there were more. Raises HttpError.

    A few kilobytes can unpack to gigabytes, so no more is unpacked than is returned.
    """
    encoding = encoding.strip().lower()
    if encoding not in _PLAIN | _GZIP:
        raise HttpError("body", f"{subject} answered in an encoding that was not requested", transient=False)
    unpacker = _Unpacker(subject) if encoding in _GZIP else None
    body = bytearray()
    for chunk in chunks:
        room = max_body + 1 - len(body)
        body += chunk if unpacker is None else unpacker.unpack(chunk, room)
        if len(body) > max_body:
            return bytes(body[:max_body]), True
    if unpacker is not None:
        unpacker.finish()
    return bytes(body), False


class _Unpacker:
    """A gzip decoder for one or several members."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._member = zlib.decompressobj(_GZIP_FORMAT)
        self._is_inside = False

    def unpack(self, data: bytes, room: int) -> bytes:
        """Return at most `room` bytes; the excess is lost, so stop when the limit is reached."""
        unpacked = b""
        while data and len(unpacked) < room:
            if self._member.eof:
                if not data.startswith(b"\x1f"):
                    break  # padding after the last member, which everybody ignores
                self._member = zlib.decompressobj(_GZIP_FORMAT)
            try:
                unpacked += self._member.decompress(data, room - len(unpacked))
            except zlib.error:
                raise self._broken("sent a body that is not valid gzip") from None
            data = self._member.unused_data
            self._is_inside = not self._member.eof
        return unpacked

    def finish(self) -> None:
        """Raise HttpError when the compressed body is truncated."""
        if self._is_inside:
            raise self._broken("sent a gzip body whose end is missing")

    def _broken(self, how: str) -> HttpError:
        return HttpError("body", f"{self._subject} {how}", transient=False)
