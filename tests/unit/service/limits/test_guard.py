from __future__ import annotations

import json
import math
import threading
from typing import Any

import pytest

from ci_ops.service.limits.guard import DDoSProtection, ddos_protection
from tests.support.memory import memory_of
from tests.support.ticks import Ticks

IP = "198.51.100.7"


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def guard(clock: Ticks) -> DDoSProtection:
    return DDoSProtection(clock=clock)


def overrun(guard: DDoSProtection, ip: str = IP, requests: int = 101) -> list[bool]:
    return [guard.check_request(ip) for _ in range(requests)]


def test_the_hundred_and_first_request_of_a_minute_is_blocked_for_fifteen_minutes(
    guard: DDoSProtection, clock: Ticks
) -> None:
    answers = []
    for _ in range(101):
        answers.append(guard.check_request(IP))
        clock.advance(0.59)
    assert answers == [True] * 100 + [False]
    assert guard.is_blocked(IP)
    clock.advance(900 - 0.6)
    assert not guard.check_request(IP)
    assert guard.retry_after_seconds(IP) == pytest.approx(0.01)
    clock.advance(0.1)
    assert not guard.is_blocked(IP)
    assert guard.check_request(IP)


def test_a_hundred_a_minute_for_hours_is_no_attack(guard: DDoSProtection, clock: Ticks) -> None:
    for _ in range(5000):
        assert guard.check_request(IP)
        clock.advance(0.67)


def test_two_bursts_a_minute_apart_are_no_attack(guard: DDoSProtection, clock: Ticks) -> None:
    assert all(overrun(guard, requests=99))
    clock.advance(61)
    assert all(overrun(guard, requests=99))


def test_other_addresses_are_not_touched(guard: DDoSProtection) -> None:
    overrun(guard)
    assert guard.check_request("198.51.100.8")
    assert not guard.is_blocked("198.51.100.8")


def test_an_ipv6_client_cannot_hide_within_its_own_network(guard: DDoSProtection) -> None:
    answers = [guard.check_request(f"2001:db8:1:2::{number:x}") for number in range(1, 103)]
    assert answers == [True] * 100 + [False] * 2
    assert guard.is_blocked("2001:db8:1:2:ffff::1")
    assert not guard.is_blocked("2001:db8:1:3::1")


@pytest.mark.parametrize("spelling", [f"::ffff:{IP}", f"{IP}:4711", f" {IP}"])
def test_every_spelling_of_an_address_is_the_same_address(guard: DDoSProtection, spelling: str) -> None:
    overrun(guard)
    assert not guard.check_request(spelling)


def test_it_unblocks_with_the_count_at_zero(guard: DDoSProtection) -> None:
    overrun(guard)
    assert guard.unblock_ip(IP)
    assert not guard.unblock_ip(IP)
    assert all(overrun(guard, requests=100))


def test_an_address_can_be_blocked_by_hand(guard: DDoSProtection, clock: Ticks) -> None:
    assert guard.block_ip(IP, 30, reason="abuse report")
    assert not guard.check_request(IP)
    assert [(block.key, block.reason) for block in guard.get_blocked_ips()] == [(IP, "abuse report")]
    clock.advance(30)
    assert guard.check_request(IP)
    assert guard.get_blocked_ips() == ()
    assert not guard.unblock_ip(IP)


def test_a_block_by_hand_may_have_no_end_and_is_told_in_json(guard: DDoSProtection, clock: Ticks) -> None:
    assert guard.block_ip(IP, math.inf)
    clock.advance(1e9)
    assert not guard.check_request(IP)
    assert guard.retry_after_seconds(IP) == math.inf
    summary = json.loads(json.dumps(guard.get_summary(), allow_nan=False))
    assert summary["ips"][0]["seconds_left"] is None
    assert guard.unblock_ip(IP)
    assert guard.check_request(IP)


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_block_that_would_not_hold_is_refused(guard: DDoSProtection, seconds: float) -> None:
    with pytest.raises(ValueError, match="more than none"):
        guard.block_ip(IP, seconds)


def test_however_steep_the_escalation_a_block_ends_after_a_day(clock: Ticks) -> None:
    guard = DDoSProtection(escalation=1e300, clock=clock)
    lasted = []
    for _ in range(4):
        overrun(guard)
        lasted.append(guard.retry_after_seconds(IP))
        clock.advance(lasted[-1])
    assert lasted == [900, 86_400, 86_400, 86_400]


def test_by_default_every_block_lasts_as_long_as_the_first(guard: DDoSProtection, clock: Ticks) -> None:
    for _ in range(3):
        overrun(guard)
        assert guard.retry_after_seconds(IP) == 900
        assert guard.get_blocked_ips()[0].strikes == 1
        clock.advance(900)


def test_blocks_grow_longer_when_that_was_asked_for_up_to_a_day(clock: Ticks) -> None:
    guard = DDoSProtection(escalation=4, clock=clock)
    lasted = []
    for _ in range(5):
        overrun(guard)
        lasted.append(guard.retry_after_seconds(IP))
        clock.advance(lasted[-1])
    assert lasted == [900, 3600, 14_400, 57_600, 86_400]
    clock.advance(86_400)
    overrun(guard)
    assert guard.retry_after_seconds(IP) == 900


def test_networks_that_are_always_let_in_are_never_counted(clock: Ticks) -> None:
    guard = DDoSProtection(allow=["10.0.0.0/8", "2001:db8::/32"], clock=clock)
    assert all(overrun(guard, "10.1.2.3", 500))
    assert all(overrun(guard, "2001:db8::1", 500))
    assert guard.get_summary()["tracked"] == 0
    assert guard.retry_after_seconds("10.1.2.3") == 0
    overrun(guard)
    assert guard.is_blocked(IP)


def test_networks_that_are_never_let_in_are_not_let_in(clock: Ticks) -> None:
    guard = DDoSProtection(deny=["192.0.2.0/24"], clock=clock)
    assert not guard.check_request("192.0.2.66")
    assert guard.retry_after_seconds("192.0.2.66") == math.inf
    assert guard.check_request(IP)


def test_in_shadow_mode_blocks_are_shown_and_everything_passes(clock: Ticks) -> None:
    guard = DDoSProtection(deny=["192.0.2.0/24"], enforce=False, clock=clock)
    assert all(overrun(guard, requests=300))
    assert guard.check_request("192.0.2.66")
    assert guard.is_blocked(IP)
    assert guard.get_summary()["refused"] == 200


def test_the_summary_is_ready_for_json_and_shows_the_longest_first(guard: DDoSProtection) -> None:
    overrun(guard)
    for number in range(30):
        guard.block_ip(f"203.0.113.{number}", 1000 + number, reason="token=abcdefghij" + "x" * 300)
    summary = guard.get_summary(limit=2)
    assert (summary["blocked"], summary["tracked"], summary["refused"]) == (31, 1, 1)
    assert [(ip["ip"], ip["seconds_left"]) for ip in summary["ips"]] == [
        ("203.0.113.29", 1029),
        ("203.0.113.28", 1028),
    ]
    assert "abcdefghij" not in json.dumps(summary)
    assert guard.get_summary()["ips"][19]["strikes"] == 1


def test_an_attacker_is_not_forgotten_in_a_flood_of_other_addresses(clock: Ticks) -> None:
    guard = DDoSProtection(max_ips=100, clock=clock)
    overrun(guard, requests=100)
    for number in range(20_000):
        guard.check_request(f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert not guard.check_request(IP)
    assert guard.get_summary()["tracked"] <= 100


def test_without_room_for_its_block_an_address_stays_refused_by_its_count(
    clock: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    guard = DDoSProtection(max_blocks=2, clock=clock)
    for number in range(2):
        guard.block_ip(f"203.0.113.{number}")
    assert overrun(guard, requests=150) == [True] * 100 + [False] * 50
    assert guard.unblocked == 50
    assert caplog.text.count("no room for more blocks") == 6
    assert not guard.block_ip("203.0.113.9")


def test_the_memory_is_what_was_stated() -> None:
    memory = memory_of(
        """
        import logging
        from ci_ops.service.limits import networks
        from ci_ops.service.limits.guard import DDoSProtection
        logging.disable()
        ips = [f"2001:db8:{number >> 16:x}:{number & 65535:x}::1" for number in range(6000)]
        reason = "x" * 300
        """,
        """
        guard = DDoSProtection(max_ips=2000, max_blocks=1000)
        for ip in ips:
            guard.check_request(ip)
            guard.block_ip(ip, reason=reason)
        networks._identify.cache_clear()
        """,
        told='[guard.get_summary()["tracked"], guard.get_summary()["blocked"]]',
    )
    assert memory.told == [2000, 1000]
    assert memory.kept_bytes <= 3000 * 700


def test_what_is_no_address_is_counted_as_it_is_and_bounded(guard: DDoSProtection) -> None:
    overrun(guard, "x" * 10_000)
    assert len(guard.get_blocked_ips()[0].key) == 32
    overrun(guard, "testclient")
    assert guard.is_blocked("testclient")


def test_no_request_is_lost_between_threads(clock: Ticks) -> None:
    guard = DDoSProtection(threshold=2000, clock=clock)
    passed = [0] * 8

    def hammer(number: int) -> None:
        passed[number] = sum(overrun(guard, requests=500))

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 2000


@pytest.mark.parametrize(
    "wrong",
    [
        *({"threshold": one} for one in (0, -1, 2.5, math.nan, math.inf)),
        *({"window_seconds": one} for one in (0, -1, math.nan, math.inf)),
        *({"block_seconds": one} for one in (0, -1, math.nan)),
        *({"escalation": one} for one in (0.5, math.nan, math.inf)),
        *({name: one} for name in ("max_ips", "max_blocks") for one in (0, -1, 2.5, math.nan)),
    ],
)
def test_figures_that_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"positive|has an end|at least one key"):
        DDoSProtection(**wrong)


def test_there_is_one_guard_ready_made() -> None:
    assert ddos_protection.check_request("192.0.2.200")
