from __future__ import annotations

import json
import math
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from ci_ops.service.limits.abuse import AbuseDetector, abuse_detector
from tests.support.memory import memory_of
from tests.support.ticks import Ticks


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def detector(clock: Ticks) -> AbuseDetector:
    return AbuseDetector(clock=clock)


def test_fifty_events_within_five_minutes_flag_a_user(detector: AbuseDetector, clock: Ticks) -> None:
    for _ in range(49):
        assert not detector.record_event(7, "bet")
        clock.advance(6.1)
    assert detector.record_event(7, "bet")
    flag = detector.get_flag(7)
    assert flag is not None
    assert (flag.user_id, flag.reason) == ("7", "50 events of type bet within 300 s")
    assert abs((datetime.now(UTC) - flag.at).total_seconds()) < 60
    assert not detector.is_flagged(8)


def test_the_same_number_over_a_longer_time_flags_nobody(detector: AbuseDetector, clock: Ticks) -> None:
    for _ in range(500):
        assert not detector.record_event(7, "bet")
        clock.advance(6.2)


def test_events_of_different_types_and_users_do_not_add_up(detector: AbuseDetector) -> None:
    for number in range(200):
        assert not detector.record_event(number % 3, f"type {number % 5}")


def test_a_burst_long_ago_is_not_held_against_a_user(detector: AbuseDetector, clock: Ticks) -> None:
    for _ in range(49):
        detector.record_event(7, "bet")
    clock.advance(300)
    assert not detector.record_event(7, "bet")


def test_some_events_may_have_a_threshold_of_their_own(clock: Ticks) -> None:
    detector = AbuseDetector(thresholds={"login failed": 5}, clock=clock)
    assert [detector.record_event(7, "login failed") for _ in range(5)] == [False] * 4 + [True]


def test_a_flagged_user_stays_flagged_for_a_day_and_no_longer(detector: AbuseDetector, clock: Ticks) -> None:
    detector.flag_user(7, "chargebacks")
    clock.advance(24 * 3600 - 1)
    assert detector.is_flagged(7)
    assert detector.record_event(7, "view")
    clock.advance(1)
    assert not detector.is_flagged(7)
    assert detector.get_flagged_users() == ()


def test_a_flag_may_last_until_somebody_takes_it_off(clock: Ticks) -> None:
    detector = AbuseDetector(flag_seconds=math.inf, clock=clock)
    detector.flag_user(7, "chargebacks")
    clock.advance(1e12)
    assert detector.is_flagged(7)


def test_whoever_loses_the_flag_begins_anew(detector: AbuseDetector) -> None:
    for _ in range(60):
        detector.record_event(7, "bet")
        detector.record_event(77, "bet")
    assert detector.unflag_user(7)
    assert not detector.unflag_user(7)
    assert not detector.record_event(7, "bet")
    assert detector.record_event(77, "bet")


def test_the_summary_is_ready_for_json_and_shows_the_latest_first(
    detector: AbuseDetector, clock: Ticks
) -> None:
    for user in range(30):
        detector.flag_user(user, f"reason {user}, password=hunter22 " + "x" * 300)
        clock.advance(1)
    summary = detector.get_abuse_summary(limit=2)
    assert (summary["flagged"], summary["tracked"], summary["untracked"]) == (30, 0, 0)
    assert [user["user_id"] for user in summary["users"]] == ["29", "28"]
    assert "hunter22" not in json.dumps(summary)
    assert len(summary["users"][0]["reason"]) == 200


def test_a_user_close_to_the_threshold_is_not_forgotten_in_a_flood(clock: Ticks) -> None:
    detector = AbuseDetector(max_tracked=100, clock=clock)
    for _ in range(49):
        detector.record_event("abuser", "bet")
    for number in range(10_000):
        detector.record_event(f"flood {number}", "bet")
    assert detector.record_event("abuser", "bet")
    assert detector.get_abuse_summary()["tracked"] <= 100
    assert detector.untracked == 0


def test_when_there_is_no_room_for_a_flag_it_says_so_now_and_then(
    clock: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    detector = AbuseDetector(threshold=1, max_tracked=10, clock=clock)
    for number in range(10):
        assert detector.record_event(number, "bet")
    for number in range(100):
        assert detector.record_event(1000 + number, "bet")
    assert len(detector.get_flagged_users()) == 10
    assert detector.untracked >= 100
    assert caplog.text.count("no room for more flags") == 7


def test_the_memory_is_what_was_stated() -> None:
    memory = memory_of(
        """
        from ci_ops.service.limits.abuse import AbuseDetector
        users = [f"{number:096d}" for number in range(20_000)]
        """,
        """
        detector = AbuseDetector(max_tracked=2000)
        for user in users:
            detector.record_event(user, "bet")
        """,
        told='detector.get_abuse_summary()["tracked"]',
    )
    assert memory.told == 2000
    assert memory.kept_bytes <= 2000 * 700


def test_no_event_is_lost_between_threads(clock: Ticks) -> None:
    detector = AbuseDetector(threshold=4000, clock=clock)
    answers: list[bool] = []

    def hammer() -> None:
        answers.extend(detector.record_event(7, "bet") for _ in range(500))

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(True) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *({"threshold": one} for one in (0, -1, 2.5, math.nan, math.inf)),
        *({"thresholds": {"x": one}} for one in (0, -1, 2.5, math.nan)),
        *({"window_seconds": one} for one in (0, -1, math.nan, math.inf)),
        *({"flag_seconds": one} for one in (0, -1, math.nan)),
    ],
)
def test_figures_that_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="positive"):
        AbuseDetector(**wrong)


def test_there_is_one_detector_ready_made() -> None:
    assert not abuse_detector.record_event("only here", "tested")
