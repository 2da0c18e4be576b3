from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service._process.window import CountWindow, Measured, TimeWindow, ValueWindow

weights = st.integers(min_value=-5, max_value=1 << 70)


@given(st.integers(min_value=1, max_value=12), st.lists(weights, max_size=60))
def test_a_count_window_sums_exactly_its_last_entries(size: int, entries: list[int]) -> None:
    window = CountWindow(size)
    for number, weight in enumerate(entries, 1):
        expected = sum(entries[max(0, number - size) : number])
        assert window.add(number, weight) == window.total(number) == expected


@given(
    buckets=st.integers(min_value=2, max_value=12),
    width=st.integers(min_value=1, max_value=50),
    steps=st.lists(st.tuples(st.integers(min_value=0, max_value=200), weights), min_size=1, max_size=60),
)
def test_a_time_window_equals_a_list_of_all_entries(
    buckets: int, width: int, steps: list[tuple[int, int]]
) -> None:
    window = TimeWindow(buckets * width, buckets=buckets)
    entries: list[tuple[int, int]] = []
    now = 1000
    for gap, weight in steps:
        now += gap
        entries.append((now, weight))
        newest = (now - entries[0][0]) // width
        expected = sum(w for at, w in entries if (at - entries[0][0]) // width > newest - buckets)
        assert window.add(now, weight) == expected
        assert window.total(now) == sum(window.series(now)) == expected


@given(
    span=st.floats(min_value=0.01, max_value=1e6),
    buckets=st.integers(min_value=2, max_value=60),
    gaps=st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=40),
)
def test_nothing_older_than_the_span_counts_and_everything_clearly_younger_does(
    span: float, buckets: int, gaps: list[float]
) -> None:
    window = TimeWindow(span, buckets=buckets)
    instants: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        instants.append(now)
        counted = window.add(now)
        slack = 1e-9 * max(now, span)
        at_least = sum(1 for at in instants if now - at < span - span / buckets - slack)
        at_most = sum(1 for at in instants if now - at <= span + slack)
        assert at_least <= counted <= at_most


def test_a_time_window_starts_at_its_first_entry_so_a_burst_is_counted_whole() -> None:
    window = TimeWindow(60, buckets=12)
    for _ in range(50):
        window.add(1000.0)
    for _ in range(51):
        last = window.add(1054.9)
    assert last == 101


def test_a_clock_that_goes_back_adds_to_the_newest_bucket() -> None:
    window = TimeWindow(10, buckets=5)
    window.add(100)
    window.add(104)
    assert window.add(101) == 3
    assert window.series(104) == (0, 0, 1, 0, 2)
    assert window.series(90) == (0, 0, 1, 0, 2)


def test_an_empty_time_window_sums_to_nothing_at_any_time() -> None:
    window = TimeWindow(10)
    assert window.total(math.pi) == 0
    assert window.series(1e9) == (0,) * 10


def test_after_a_long_silence_a_time_window_is_empty_at_once() -> None:
    window = TimeWindow(10, buckets=10)
    window.add(0, 7)
    assert window.total(9.5) == 7
    assert window.total(1e12) == 0
    assert window.add(1e12, 3) == 3


@given(st.integers(min_value=1, max_value=9), st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_a_value_window_describes_its_last_measurements(size: int, values: list[float]) -> None:
    window = ValueWindow(size)
    for value in values:
        window.add(value)
    kept = values[-size:]
    summary = window.summary()
    assert len(window) == len(kept)
    if not kept:
        assert summary is None
        return
    assert summary is not None
    assert summary == Measured(count=len(kept), minimum=min(kept), maximum=max(kept), average=summary.average)
    assert summary.average == pytest.approx(sum(kept) / len(kept), abs=1e-6)


def test_quantiles_are_values_that_were_measured() -> None:
    window = ValueWindow(1000)
    assert window.quantiles(0.5) == ()
    for value in range(1, 1102):
        window.add(value)

    assert window.quantiles(0.0, 0.5, 0.95, 1.0) == (102.0, 602.0, 1051.0, 1101.0)


@pytest.mark.parametrize("size", [0, -1])
def test_a_window_without_room_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        CountWindow(size)
    with pytest.raises(ValueError, match="at least one entry"):
        ValueWindow(size)


@pytest.mark.parametrize(("span", "buckets"), [(0, 10), (-1, 10), (math.nan, 10), (math.inf, 10), (10, 1)])
def test_a_time_window_without_a_span_or_with_one_bucket_is_refused(span: float, buckets: int) -> None:
    with pytest.raises(ValueError, match="positive span"):
        TimeWindow(span, buckets=buckets)
