"""The service kit: what it adds to a request and to each call, beside its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import _service_breaker, _service_limits, _service_middleware, _service_observed
from benchmarks._row import Row, at_most, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._paired import Paired

HEALTH_LIMIT_SECONDS = 30e-6
PEERS_AT_LEAST_SECONDS = 100e-6


def measure() -> Iterator[Row]:
    """Everything in CPU time of this process, in turns with the peer."""
    yield from _middleware()
    health = _service_observed.health_answer()
    yield at_most(
        "kept readiness",
        health.ours_ns / 1e9,
        HEALTH_LIMIT_SECONDS,
        peer="bare route",
        theirs=health.peer_ns / 1e9,
    )
    for module in (_service_observed, _service_breaker, _service_limits):
        for paired, promised in module.all_of_them():
            yield _row(paired, promised)
    yield _flood()


def _middleware() -> Iterator[Row]:
    added = _service_middleware.added()
    theirs = added.peers / 1e9
    is_kept = added.four_jobs <= _service_middleware.PROMISED_NS and theirs >= PEERS_AT_LEAST_SECONDS
    yield Row(
        what="middleware: id, headers, limit, metrics",
        ours=added.four_jobs / 1e9,
        peer="four packages",
        theirs=theirs,
        promise=f"≤ {shown(_service_middleware.PROMISED_NS / 1e9)}, theirs ≥ {shown(PEERS_AT_LEAST_SECONDS)}",
        is_kept=is_kept,
    )
    yield Row(what="the same with the flood guard", ours=added.with_guard / 1e9)
    yield Row(what="the same with a JSON access line", ours=added.with_guard_and_log / 1e9)


def _row(paired: Paired, promised: float) -> Row:
    what, _, peer = paired.name.partition(" / ")
    return Row(
        what=what,
        ours=paired.ours_ns / 1e9,
        peer=peer,
        theirs=paired.peer_ns / 1e9,
        promise=f"{promised:g} times faster" if promised > 1 else "not slower",
        is_kept=paired.ratio >= promised,
    )


def _flood() -> Row:
    flood = _service_limits.million_keys()
    return Row(
        what=f"a limiter's hit among {flood.keys:,} distinct keys",
        ours=flood.nanoseconds_per_key / 1e9,
        promise=f"≤ {flood.bytes_stated:,} bytes",
        is_kept=flood.bytes_at_most <= flood.bytes_stated,
    )
