"""The seconds between tries grow, are capped, and are spread."""

from __future__ import annotations

from itertools import islice

import pytest

from ci_ops.edge.retry import waits


def test_waits_grow_up_to_the_cap_and_never_end() -> None:
    highest = [0.0] * 6
    for _ in range(400):
        for turn, seconds in enumerate(islice(waits(base_seconds=1.0, cap_seconds=8.0), 6)):
            highest[turn] = max(highest[turn], seconds)
    for seconds, limit in zip(highest, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.9 * limit < seconds <= limit


def test_waits_are_spread_so_that_clients_do_not_come_all_at_once() -> None:
    firsts = {next(waits(base_seconds=1.0, cap_seconds=8.0)) for _ in range(50)}
    assert len(firsts) == 50
    assert min(firsts) < 0.5 < max(firsts)


def test_even_after_days_of_trying_the_cap_holds() -> None:
    assert all(0 <= seconds <= 0.5 for seconds in islice(waits(base_seconds=0.001, cap_seconds=0.5), 5000))


@pytest.mark.parametrize(("base", "cap"), [(0, 1), (-1, 1), (2, 1), (float("nan"), 1)])
def test_senseless_limits_are_refused_when_they_are_given(base: float, cap: float) -> None:
    with pytest.raises(ValueError, match="base_seconds"):
        waits(base_seconds=base, cap_seconds=cap)
