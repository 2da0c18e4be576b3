"""Content negotiation by the Accept header."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=64)  # probers send the same few values for ever
def preferred(accept: str, offers: tuple[str, ...]) -> str:
    """Return the offer with the highest quality in an Accept header; the first one without a match.

    Source: RFC 9110 section 12.5.1.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offers[0]
    return max(offers, key=lambda offer: (_quality(offer, ranges), -offers.index(offer)))


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def _quality(offer: str, ranges: list[tuple[str, float]]) -> float:
    whole = offer.partition("/")[0] + "/*"
    for wanted in (offer, whole, "*/*"):  # the most specific range counts
        found = [quality for media, quality in ranges if media == wanted]
        if found:
            return max(found)
    return 0.0
