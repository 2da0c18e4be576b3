from __future__ import annotations

import pytest

from ci_ops.core.text.rate_fields import RateLimit, read_rate_limits

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {
                "ratelimit-policy": '"burst";q=100;w=60, "daily";q=1000;w=86400',
                "ratelimit": '"burst";r=50;t=30',
            },
            (
                RateLimit(name="burst", quota=100, window_seconds=60, remaining=50, reset_seconds=30),
                RateLimit(name="daily", quota=1000, window_seconds=86400),
            ),
        ),
        (
            {"ratelimit-policy": '"a" ; q=10 ;w=1;pk=:cHsdsRa894==:;qu="requests", "b";q=2;w=1'},
            (RateLimit(name="a", quota=10, window_seconds=1), RateLimit(name="b", quota=2, window_seconds=1)),
        ),
        ({"ratelimit": '"x";r=0;t=9'}, (RateLimit(name="x", remaining=0, reset_seconds=9),)),
        (
            {"ratelimit": "limit=100, remaining=99, reset=5", "ratelimit-policy": "100;w=60"},
            (RateLimit(quota=100, window_seconds=60, remaining=99, reset_seconds=5),),
        ),
        (
            {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "3", "ratelimit-reset": "7"},
            (RateLimit(quota=100, window_seconds=60, remaining=3, reset_seconds=7),),
        ),
        (
            {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000030"},
            (RateLimit(quota=60, remaining=0, reset_seconds=30),),
        ),
        ({"x-rate-limit-limit": "60"}, (RateLimit(quota=60),)),
        ({"x-ratelimit-reset": "60"}, ()),
        ({"ratelimit": "whatever", "ratelimit-policy": '"'}, ()),
        ({"ratelimit-policy": '"only-a-name"'}, ()),
        ({"x-ratelimit-limit": "many"}, ()),
        ({}, ()),
    ],
)
def test_every_form_in_the_field_is_read(headers: dict[str, str], expected: tuple[RateLimit, ...]) -> None:
    assert read_rate_limits(headers, unix_time=NOW) == expected


def test_a_reset_in_the_past_is_now() -> None:
    (limit,) = read_rate_limits({"x-ratelimit-limit": "9", "x-ratelimit-reset": "1700000000"}, unix_time=NOW)
    assert limit.reset_seconds == 0.0


def test_endless_fields_are_cut() -> None:
    many = ", ".join(f'"p{number}";q=1;w=1' for number in range(500))
    assert len(read_rate_limits({"ratelimit-policy": many}, unix_time=NOW)) == 10
