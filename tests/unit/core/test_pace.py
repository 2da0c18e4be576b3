from __future__ import annotations

import threading

import pytest

from ci_ops.core.pace import Pace
from ci_ops.core.text.rate_fields import RateLimit

URL = "https://shop.example/orders?page=1"


def starts(pace: Pace, count: int, url: str = URL, now: float = 100.0) -> list[float]:
    """When so many requests may start that are all wanted now."""
    return [now + pace.reserve(url, now=now, at_most_seconds=1e6) for _ in range(count)]


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(first <= each < first + seconds for each in times) for first in times)


def test_no_second_holds_more_than_fifty_requests_to_one_host() -> None:
    times = starts(Pace(), 160)
    assert most_within(times, 0.999) == 50
    assert max(times) == 103.0


@pytest.mark.parametrize(("rate", "requests", "seconds"), [(2.5, 2, 0.8), (0.5, 1, 2.0), (500.0, 500, 1.0)])
def test_another_rate_can_be_set(rate: float, requests: int, seconds: float) -> None:
    times = starts(Pace(rate), requests * 3)
    assert max(times) == pytest.approx(100.0 + 2 * seconds)
    assert most_within(times, seconds * 0.99) == requests


def test_after_ten_thousand_requests_the_rate_still_holds() -> None:
    times = starts(Pace(100.0), 10_050)
    assert max(times) == pytest.approx(200.0)
    assert most_within(times[-300:], 0.999) == 100


def test_hosts_do_not_wait_for_each_other() -> None:
    pace = Pace(1.0)
    assert starts(pace, 1) == starts(pace, 1, "https://other.example/orders") == [100.0]
    assert starts(pace, 1, "https://robot:pw@shop.example/elsewhere") == [101.0]


def test_of_what_the_service_allows_a_tenth_is_left_to_others_on_the_paths_that_told_it() -> None:
    pace = Pace()
    starts(pace, 1)
    pace.learn(URL, [RateLimit(name="q", quota=100, window_seconds=60, remaining=99)], now=100.0)
    times = starts(pace, 90)
    assert (times[88], times[89]) == (100.0, 160.0)
    assert pace.limits_text(URL) == "90 requests in 1 m 00 s"
    assert starts(pace, 1, "https://shop.example/other") == [100.0]


def test_a_limit_that_is_used_up_is_waited_for() -> None:
    pace = Pace()
    pace.learn(URL, [RateLimit(quota=60, remaining=0, reset_seconds=30)], now=100.0)
    assert starts(pace, 1) == [130.0]


def test_where_only_the_end_of_a_window_is_told_the_longest_time_to_it_counts() -> None:
    pace = Pace()
    for left in (60, 30, 1):
        pace.learn(URL, [RateLimit(quota=10, remaining=5, reset_seconds=left)], now=100.0)
    assert starts(pace, 9)[-1] == 160.0


def test_what_limits_nothing_changes_nothing() -> None:
    pace = Pace()
    pace.learn(URL, [RateLimit(), RateLimit(quota=10**9, window_seconds=1), RateLimit(quota=5)], now=100.0)
    assert starts(pace, 50)[-1] == 100.0


def test_a_rate_that_the_user_set_is_not_changed_by_the_service() -> None:
    pace = Pace(1000.0)
    pace.learn(URL, [RateLimit(quota=1, window_seconds=3600)], now=100.0)
    assert starts(pace, 1000)[-1] == 100.0


def test_a_wait_that_is_too_long_reserves_nothing() -> None:
    pace = Pace(1.0)
    assert pace.reserve(URL, now=0.0, at_most_seconds=0.0) == 0.0
    assert pace.reserve(URL, now=0.0, at_most_seconds=0.5) == 1.0
    assert pace.reserve(URL, now=0.0, at_most_seconds=1.0) == 1.0
    pace.pause(URL, 60.0, now=0.0)
    pace.pause(URL, 5.0, now=0.0)
    assert pace.reserve(URL, now=0.0, at_most_seconds=59.0) == 60.0


def test_a_path_is_requested_once_before_its_limits_are_known() -> None:
    pace = Pace()
    assert pace.first_answer(URL) is None
    answered = pace.first_answer(URL)
    assert answered is not None
    assert not answered.is_set()
    assert pace.first_answer("https://shop.example/other") is None
    pace.note_first_answer(URL)
    assert answered.is_set()
    assert Pace(5.0).first_answer(URL) is None


def test_threads_share_one_rate() -> None:
    pace, times, together = Pace(), list[float](), threading.Barrier(8)

    def reserve() -> None:
        together.wait()
        times.extend(starts(pace, 20))

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(times), most_within(times, 0.999)) == (160, 50)
