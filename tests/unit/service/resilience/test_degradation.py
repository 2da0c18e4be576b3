from __future__ import annotations

import asyncio
import inspect
import math
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ci_ops.service.resilience.degradation import (
    MAX_FEATURES,
    DegradedFeature,
    GracefulDegradation,
    graceful_degradation,
)
from tests.support.circuits import Down, fail, fail_async, give, give_async
from tests.support.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import Generator

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def registry(clock: Ticks) -> GracefulDegradation:
    return GracefulDegradation(clock=clock, now=lambda: AT)


def test_a_feature_is_degraded_with_its_reason_until_it_has_recovered(registry: GracefulDegradation) -> None:
    registry.mark_degraded("search", "the index is rebuilt")
    assert registry.is_degraded("search")
    assert not registry.is_degraded("checkout")
    assert registry.get_status() == {
        "degraded": True,
        "features": {
            "search": {"reason": "the index is rebuilt", "since": "2026-11-22T08:30:00+00:00", "times": 1}
        },
    }
    assert registry.mark_recovered("search")
    assert not registry.mark_recovered("search")
    assert registry.get_status() == {"degraded": False, "features": {}}


def test_marking_it_again_keeps_since_and_counts(clock: Ticks) -> None:
    moments = iter([AT, AT.replace(hour=9)])
    registry = GracefulDegradation(clock=clock, now=lambda: next(moments))
    registry.mark_degraded("search", "slow")
    registry.mark_degraded("search", "down")
    (feature,) = registry.degraded_features()
    assert feature == DegradedFeature(name="search", reason="down", since_at=AT, times=2)


def test_with_a_time_limit_it_recovers_by_itself_and_says_so(
    registry: GracefulDegradation, clock: Ticks
) -> None:
    told: list[tuple[str, bool]] = []
    registry.listen(lambda feature, is_degraded: told.append((feature.name, is_degraded)))
    registry.mark_degraded("search", "warming up", for_seconds=30)
    registry.mark_degraded("mail", "down")
    clock.advance(29.9)
    assert registry.is_degraded("search")
    clock.advance(0.1)
    assert not registry.is_degraded("search")
    assert [feature.name for feature in registry.degraded_features()] == ["mail"]
    assert told == [("search", True), ("mail", True), ("search", False)]


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_time_limit_that_is_none_is_refused(registry: GracefulDegradation, seconds: float) -> None:
    with pytest.raises(ValueError, match="more than none"):
        registry.mark_degraded("search", "slow", for_seconds=seconds)
    assert not registry.is_degraded("search")


def test_marking_and_recovering_are_told_once_and_outside_the_lock(registry: GracefulDegradation) -> None:
    told: list[tuple[str, bool]] = []

    def listen(feature: DegradedFeature, is_degraded: bool) -> None:
        asked = threading.Thread(target=registry.get_status)
        asked.start()
        asked.join(20)
        assert not asked.is_alive()
        told.append((feature.name, is_degraded))

    registry.listen(listen)
    registry.mark_degraded("search", "one")
    registry.mark_degraded("search", "two")
    registry.mark_recovered("search")
    assert told == [("search", True), ("search", False)]


def test_a_listener_that_fails_breaks_nothing(
    registry: GracefulDegradation, caplog: pytest.LogCaptureFixture
) -> None:
    def listen(feature: DegradedFeature, is_degraded: bool) -> None:
        raise RuntimeError(feature.name, is_degraded)

    registry.listen(listen)
    registry.mark_degraded("search", "down")
    assert registry.is_degraded("search")
    assert "a listener of the degraded features failed" in caplog.text


def test_a_reason_is_redacted_and_cut(registry: GracefulDegradation) -> None:
    registry.mark_degraded("db", "postgres://app:hunter2@db/shop refused " + "x" * 500)
    (feature,) = registry.degraded_features()
    assert "hunter2" not in feature.reason
    assert len(feature.reason) == 200


def test_the_registry_is_bounded_and_says_when_it_is_full(
    registry: GracefulDegradation, clock: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(MAX_FEATURES + 50):
        registry.mark_degraded(f"feature {number}", "down", for_seconds=1 if number == 0 else None)
    assert len(registry.degraded_features()) == MAX_FEATURES
    assert caplog.text.count("is not kept") == 50
    clock.advance(1)
    registry.mark_degraded("now there is room", "down")
    assert registry.is_degraded("now there is room")


def test_while_a_function_fails_the_fallback_answers_and_the_next_success_recovers(
    registry: GracefulDegradation,
) -> None:
    is_up = False

    @registry.answers("search", lambda text: f"nothing for {text}", on=(Down, KeyError))
    def search(text: str) -> str:
        if not is_up:
            raise Down("timeout")
        return f"found {text}"

    assert search("tea") == "nothing for tea"
    assert registry.degraded_features()[0].reason == "Down: timeout"
    is_up = True
    assert search("tea") == "found tea"
    assert not registry.is_degraded("search")
    assert search("tea") == "found tea"


def test_async_functions_have_fallbacks_of_both_kinds(registry: GracefulDegradation) -> None:
    async def main() -> None:
        assert await registry.answers("one", give)(fail_async)() == "ok"  # type: ignore[func-returns-value]
        assert await registry.answers("two", give_async)(fail_async)() == "ok"  # type: ignore[func-returns-value]
        assert {feature.name for feature in registry.degraded_features()} == {"one", "two"}
        recovered = registry.answers("two", give)(give_async)
        assert inspect.iscoroutinefunction(recovered)
        assert await recovered(5) == await recovered(5) == 5

    asyncio.run(main())
    assert [feature.name for feature in registry.degraded_features()] == ["one"]


def test_other_exceptions_pass(registry: GracefulDegradation) -> None:
    with pytest.raises(Down):
        registry.answers("search", give, on=KeyError)(fail)()
    assert not registry.is_degraded("search")


def test_a_generator_is_refused(registry: GracefulDegradation) -> None:
    def rows() -> Generator[int, None, None]:
        yield 1

    with pytest.raises(TypeError, match="may have answered in part"):
        registry.answers("rows", give)(rows)


def test_there_is_one_registry_ready_made() -> None:
    graceful_degradation.mark_degraded("only here", "tested")
    since = next(f.since_at for f in graceful_degradation.degraded_features() if f.name == "only here")
    assert abs((datetime.now(UTC) - since).total_seconds()) < 60
    assert graceful_degradation.mark_recovered("only here")
