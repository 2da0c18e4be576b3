import json
import subprocess
import sys

import pytest

from ci_ops.service.health import providers
from ci_ops.service.health.providers import provide, read_topic
from ci_ops.service.resilience.breaker import CircuitBreaker
from ci_ops.service.resilience.degradation import graceful_degradation


@pytest.fixture(autouse=True)
def _nobody_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_providers", {})


def test_what_nobody_tells_is_not_known() -> None:
    assert read_topic("metrics-snapshot") is None


def test_the_last_one_who_registered_tells_and_secrets_are_taken_out() -> None:
    provide("security", dict)
    provide("security", lambda: {"reason": "token=hunter2hunter2", "blocked": 3})

    assert read_topic("security") == {"reason": "token=***", "blocked": 3}


def test_breakers_and_features_that_the_application_uses_are_known_by_themselves() -> None:
    breaker = CircuitBreaker("partner-under-test")
    breaker.force_open()
    graceful_degradation.mark_degraded("search-under-test", "index is rebuilt")
    features = read_topic("degraded-features")
    graceful_degradation.mark_recovered("search-under-test")

    assert read_topic("circuit-breakers")["partner-under-test"]["state"] == "forced_open"
    assert features["search-under-test"]["reason"] == "index is rebuilt"
    json.dumps(read_topic("circuit-breakers"))


def test_breakers_of_one_name_are_told_one_by_one() -> None:
    breakers = [CircuitBreaker("twins-under-test") for _ in range(3)]
    breakers[1].force_open()
    told_of = {name: one["state"] for name, one in read_topic("circuit-breakers").items() if "twins" in name}

    assert told_of == {
        "twins-under-test": "closed",
        "twins-under-test (2)": "forced_open",
        "twins-under-test (3)": "closed",
    }


def test_asking_loads_no_part_that_the_application_does_not_use() -> None:
    program = (
        "import sys\n"
        "from ci_ops.service.health.providers import read_topic\n"
        "print(read_topic('circuit-breakers'), read_topic('degraded-features'), read_topic('security'))\n"
        "print([name for name in sys.modules if 'breaker' in name or 'degradation' in name or 'limits' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["{} {} None", "[]"]


@pytest.mark.parametrize(
    ("use", "seen"),
    [
        ("abuse_detector.flag_user('eve', 'guesses')", "'user_id': 'eve'"),
        ("ddos_protection.block_ip('203.0.113.9')", "'ip': '203.0.113.9'"),
    ],
)
def test_what_the_application_flags_and_blocks_is_known_without_any_middleware(use: str, seen: str) -> None:
    program = (
        "from ci_ops.service.health.providers import read_topic\n"
        f"from ci_ops.service import {use.partition('.')[0]}\n{use}\nprint(read_topic('security'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert seen in done.stdout
