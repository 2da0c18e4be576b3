from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.limits.table import SWEEPS_WHEN_FULL, BoundedTable


def is_idle(value: float, now: float) -> bool:
    return value <= now


@settings(deadline=None)
@given(
    max_keys=st.integers(min_value=1, max_value=12),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "put", "put", "pop", "get"]),
            st.integers(min_value=0, max_value=20),
            st.integers(min_value=0, max_value=6),
        ),
        max_size=200,
    ),
)
def test_it_never_grows_past_its_bound_and_never_loses_what_is_busy(
    max_keys: int, steps: list[tuple[str, int, int]]
) -> None:
    table: BoundedTable[float] = BoundedTable(max_keys, is_idle)
    model: dict[str, float] = {}
    refused = now = 0
    for action, number, span in steps:
        now += span // 3
        key = f"key {number}"
        if action == "put":
            if table.put(key, now + span, now):
                model[key] = now + span
            else:
                refused += 1
                busy = [value for value in model.values() if not is_idle(value, now)]
                assert len(busy) <= max_keys
                assert is_idle(model.get(key, 0), now)
        elif action == "pop":
            popped = table.pop(key)
            expected = model.pop(key, None)
            assert popped == expected or (popped is None and expected is not None and expected <= now)
        elif key in model and not is_idle(model[key], now):
            assert table.get(key) == model[key]
        assert len(table) <= max_keys
        assert dict(table.busy(now)) == {k: v for k, v in model.items() if not is_idle(v, now)}
    assert table.refused == refused


def test_a_flood_of_new_keys_finds_room_as_fast_as_old_ones_rest() -> None:
    table: BoundedTable[float] = BoundedTable(1000, is_idle)
    for number in range(100_000):
        assert table.put(f"key {number}", number + 400, number)
    assert table.refused == 0
    assert len(table) <= 1000


def test_a_table_that_is_hardly_used_does_not_look_around() -> None:
    table: BoundedTable[float] = BoundedTable(1000, is_idle)
    for number in range(200):
        table.put(f"key {number}", 0, 1)
    assert len(table) == 200


def test_without_room_a_new_key_is_refused_and_the_busy_stay() -> None:
    table: BoundedTable[float] = BoundedTable(10, is_idle)
    for number in range(10):
        assert table.put(f"key {number}", 100, 0)
    for number in range(10_000):
        assert not table.put(f"flood {number}", 100, 0)
    assert sorted(key for key, _ in table.busy(0)) == [f"key {number}" for number in range(10)]
    assert table.put("key 3", 200, 0)
    assert table.refused == 10_000


def test_what_weighs_little_makes_room_and_what_weighs_much_never_does() -> None:
    table: BoundedTable[float] = BoundedTable(
        100, lambda value, _now: value == 0, weight=lambda value, _now: value, expendable_below=50
    )
    for number in range(50):
        table.put(f"heavy {number}", 50 + number, 0)
    for number in range(50):
        table.put(f"light {number}", 1, 0)
    for number in range(10_000):
        table.put(f"flood {number}", 2, 0)
    held = dict(table.busy(0))
    assert len(held) <= 100
    assert {f"heavy {number}" for number in range(50)} <= set(held)
    assert "flood 9999" in held


def test_the_least_weighty_of_those_looked_at_goes() -> None:
    table: BoundedTable[float] = BoundedTable(
        SWEEPS_WHEN_FULL,
        lambda value, _now: value == 0,
        weight=lambda value, _now: value,
        expendable_below=50,
    )
    for number in range(SWEEPS_WHEN_FULL):
        table.put(f"key {number}", 9 + number, 0)
    assert table.put("new", 3, 0)
    assert table.get("key 0") is None
    assert table.get("key 1") == 10


def test_a_table_without_room_for_anything_is_refused() -> None:
    for max_keys in (0, -1, 2.5, math.nan):
        with pytest.raises(ValueError, match="at least one key"):
            BoundedTable(max_keys, is_idle)  # type: ignore[arg-type]


def test_no_step_takes_longer_because_many_keys_are_live() -> None:
    looked_at = 0

    def is_idle_counted(_value: int, _now: float) -> bool:
        nonlocal looked_at
        looked_at += 1
        return False

    table: BoundedTable[int] = BoundedTable(20_000, is_idle_counted)
    most = 0
    for number in range(60_000):
        looked_at = 0
        table.put(f"key {number}", number, 0)
        most = max(most, looked_at)
    looked_at = 0
    for _ in range(1000):
        table.put("key 7", table.get("key 7") or 0, 0)
    assert (most, looked_at) == (SWEEPS_WHEN_FULL, 0)
