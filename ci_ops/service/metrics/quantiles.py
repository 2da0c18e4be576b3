"""Percentiles from the buckets of a histogram.

Source: `histogram_quantile` of Prometheus, whose interpolation this is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def bucket_quantile(ratio: float, bounds: Sequence[float], counts: Sequence[float]) -> float | None:
    """Return the value below which that share of the observations lies; None without any.

    `counts` has one entry more than `bounds`. What lies above the last bound
    is reported as that bound, because the distance is not known.
    """
    total = sum(counts)
    if not total:
        return None
    rank = ratio * total
    below = 0.0
    for index, bound in enumerate(bounds):
        here = counts[index]
        if here and below + here >= rank:
            start = bounds[index - 1] if index else min(0.0, bound)
            return start + (bound - start) * max(0.0, rank - below) / here
        below += here
    return bounds[-1]
