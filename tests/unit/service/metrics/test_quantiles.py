from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service.metrics.quantiles import bucket_quantile

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5)


def test_without_observations_there_is_no_percentile() -> None:
    assert bucket_quantile(0.5, BOUNDS, (0, 0, 0, 0, 0, 0)) is None


@pytest.mark.parametrize(
    ("ratio", "counts", "value"),
    [
        (0.5, (0, 0, 10, 0, 0, 0), 0.375),
        (1.0, (0, 0, 10, 0, 0, 0), 0.5),
        (0.0, (0, 0, 10, 0, 0, 0), 0.25),
        (0.5, (10, 0, 0, 0, 0, 0), 0.05),
        (0.99, (0, 0, 0, 0, 0, 5), 2.5),
        (0.75, (5, 0, 0, 5, 0, 0), 0.75),
    ],
)
def test_a_percentile_lies_where_prometheus_would_put_it(
    ratio: float, counts: tuple[int, ...], value: float
) -> None:
    assert bucket_quantile(ratio, BOUNDS, counts) == pytest.approx(value)


@given(st.lists(st.floats(0.0, 2.5), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_a_percentile_is_in_the_bucket_of_the_value_at_that_rank(values: list[float], ratio: float) -> None:
    counts = [0] * 6
    for value in values:
        counts[bisect_left(BOUNDS, value)] += 1
    rank = max(0, -(-len(values) * ratio // 1) - 1)
    exact = sorted(values)[int(rank)]
    found = bucket_quantile(ratio, BOUNDS, counts)

    assert found is not None
    index = bisect_left(BOUNDS, exact)
    low = BOUNDS[index - 1] if index else 0.0
    assert low - 1e-9 <= found <= BOUNDS[index] + 1e-9
