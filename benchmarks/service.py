"""The service kit: what it adds to a request and to each call, beside its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks._row import CannotMeasure, Row, at_most, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._paired import Paired
    from benchmarks._service_limits import Flood
    from benchmarks._service_middleware import Added

MIDDLEWARE_SECONDS = 8e-6
PEERS_AT_LEAST_SECONDS = 100e-6
HEALTH_SECONDS = 30e-6


def measure() -> Iterator[Row]:
    """Everything in CPU time of one process, in turns with the peer."""
    try:
        from benchmarks import (  # noqa: PLC0415 - the peers are here when they are measured, not when they are listed
            _service_breaker,
            _service_limits,
            _service_middleware,
            _service_observed,
        )
    except ModuleNotFoundError as missing:
        raise CannotMeasure(f"{missing.name} is not here: `make bench` brings it") from missing
    yield from _middleware(_service_middleware.added())
    yield _health(_service_observed.health_answer())
    for module in (_service_observed, _service_breaker, _service_limits):
        for paired, promised in module.all_of_them():
            yield _row(paired, promised)
    yield _flood(_service_limits.million_keys())


def _middleware(added: Added) -> Iterator[Row]:
    ours, theirs = added.four_jobs / 1e9, added.peers / 1e9
    yield Row(
        what="middleware: id, headers, limit, metrics",
        ours=ours,
        peer="four packages",
        theirs=theirs,
        promise=f"≤ {shown(MIDDLEWARE_SECONDS)}, theirs ≥ {shown(PEERS_AT_LEAST_SECONDS)}",
        is_kept=ours <= MIDDLEWARE_SECONDS and theirs >= PEERS_AT_LEAST_SECONDS,
    )
    yield Row(what="the same with the flood guard", ours=added.with_guard / 1e9)
    yield Row(what="the same with a JSON access line", ours=added.with_guard_and_log / 1e9)


def _health(health: Paired) -> Row:
    ours, theirs = health.ours_ns / 1e9, health.peer_ns / 1e9
    return at_most("kept readiness", ours, HEALTH_SECONDS, peer="bare route", theirs=theirs)


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


def _flood(flood: Flood) -> Row:
    return Row(
        what=f"a limiter's hit among {flood.keys:,} distinct keys",
        ours=flood.nanoseconds_per_key / 1e9,
        promise=f"≤ {flood.bytes_stated:,} bytes",
        is_kept=flood.bytes_at_most <= flood.bytes_stated,
    )
