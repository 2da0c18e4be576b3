"""Rate limits as services tell and keep them: the kit's own, and broken ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ci_ops.checks.rate_limit import Burst, RateLimit
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from ci_ops.service.limits.gcra import Quota
from ci_ops.service.limits.headers import limit_headers, refusal
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.store import MemoryStore
from tests.support.checking import (
    a_subject,
    a_world,
    assert_refusals_say_nothing,
    checked,
    rules_of,
    the_result,
)
from tests.support.jump_clock import JumpClock
from tests.support.sample_service import RESET, Answer, Asked, SampleService, sample_service, text

EXAMPLE = RateLimit()
KEY, OTHER = {"X-Api-Key": Secret("key-of-the-test")}, {"X-Api-Key": Secret("key-of-another")}
BURST = RateLimit(path="/api", burst=Burst(requests=12, headers=KEY, other_headers=OTHER))


def look(service: SampleService, check: RateLimit = EXAMPLE, world: Any = None) -> Result:
    subject = a_subject(url=service.url(), timeout_seconds=120.0)
    return the_result(check, subject, world or a_world())


def limited(
    limit: int = 10, window_seconds: float = 60.0, *, key: str = "x-api-key", clock: Any = None
) -> Callable[[Asked], Answer]:
    """The kit's limiter, by key, as a service uses it."""
    store = None if clock is None else MemoryStore(clock_ns=lambda: int(clock.monotonic() * 1e9))
    limiter = Limiter(Quota(limit=limit, window_seconds=window_seconds, name="api"), store=store)

    def route(asked: Asked) -> Answer:
        decision = limiter.hit(asked.headers.get(key, "nobody"))
        if decision.allowed:
            return Answer(body=b"ok", headers=dict(limit_headers([decision])))
        answer = refusal([decision])
        return Answer(status=answer.status, body=answer.body, headers=dict(answer.headers))

    return route


def legacy(prefix: str = "X-RateLimit-", *left: int) -> list[Answer]:
    return [
        Answer(headers={f"{prefix}Limit": "60", f"{prefix}Remaining": str(each), f"{prefix}Reset": "60"})
        for each in left
    ]


def test_a_limit_that_is_told_and_counted_passes_after_four_requests(service: SampleService) -> None:
    service.does("/", limited(100))
    result = look(service)
    assert (result.status, rules_of(result), len(service.asked)) == (Status.PASS, [], 4)
    assert "100 in 60 s; 99 to 96 left" in result.sentence
    assert result.facts["limits"] == [{"quota": 100, "window_seconds": 60}]


@pytest.mark.parametrize("prefix", ["RateLimit-", "X-RateLimit-", "X-Rate-Limit-"])
def test_the_older_forms_are_read(service: SampleService, prefix: str) -> None:
    service.says("/", *legacy(prefix, 59, 58, 57, 56))
    result = look(service)
    assert (result.status, result.facts["left"]) == (Status.PASS, [59, 58, 57, 56])


@pytest.mark.reports("rate-limit/untold")
def test_a_service_that_tells_no_limit_was_not_seen_to_have_one(service: SampleService) -> None:
    service.says("/", text("ok"))
    result = look(service)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["untold"], 4)


@pytest.mark.reports("rate-limit/malformed")
def test_fields_that_cannot_be_read_are_shown(service: SampleService) -> None:
    service.says("/", Answer(headers={"RateLimit": "plenty"}))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["malformed"])
    assert result.findings[0].observed == "ratelimit: plenty"


@pytest.mark.reports("rate-limit/not-counted")
def test_a_constant_field_is_a_warning(service: SampleService) -> None:
    service.says("/", *legacy("X-RateLimit-", 59))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.WARN, ["not-counted"])
    assert result.findings[0].observed == "59, 59, 59, 59"


@pytest.mark.reports("rate-limit/uneven")
def test_counts_of_several_processes_are_a_warning(service: SampleService) -> None:
    service.says("/", *legacy("X-RateLimit-", 59, 59, 58, 58))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.WARN, ["uneven"])


def test_a_limit_that_refills_while_it_is_looked_at_is_not_called_constant(service: SampleService) -> None:
    world = a_world()
    clock = world.clock
    assert isinstance(clock, JumpClock)

    def slow(_: Asked) -> Answer:
        clock.sleep(1.0)
        return Answer(headers={"RateLimit-Policy": '"q";q=60;w=60', "RateLimit": '"q";r=59;t=60'})

    service.does("/", slow)
    assert look(service, world=world).status is Status.PASS


def test_a_policy_alone_is_told(service: SampleService) -> None:
    service.says("/", Answer(headers={"RateLimit-Policy": '"q";q=60;w=60'}))
    result = look(service)
    assert (result.status, result.sentence.endswith("60 in 60 s.")) == (Status.PASS, True)


def test_the_requests_are_those_of_any_client(service: SampleService) -> None:
    """With a signature the kit would not count them, and tell nothing."""
    service.does("/", limited(100))
    look(service, world=a_world(CI_OPS_PROBE_KEY="a-key-for-tests-only"))
    assert "ci-ops-probe" not in service.asked[0].headers


def sound_burst(world: Any) -> Callable[[Asked], Answer]:
    return limited(10, 60.0, clock=world.clock)


def test_a_burst_ends_at_the_first_429_and_the_limit_ends_when_it_says(service: SampleService) -> None:
    world = a_world()
    service.does("/api", sound_burst(world))
    result = look(service, BURST, world)
    assert (result.status, rules_of(result)) == (Status.PASS, [])
    assert result.facts["limited_after"] == 11
    keys = Counter(asked.headers.get("x-api-key", "") for asked in service.asked)
    assert keys == {"": 4, "key-of-the-test": 12, "key-of-another": 1}
    assert result.measured == 17
    assert result.sentence.endswith("limits a client at request 11, and no other.")
    assert "key-of" not in json.dumps(result.to_json())


def test_a_burst_is_sent_once_whatever_comes_of_it(service: SampleService) -> None:
    service.says("/api", *legacy("X-RateLimit-", 9))
    named = Named(name="mine", plugin=BURST)
    (result,) = checked([named], a_subject(url=service.url()), a_world(), deadline_seconds=60.0)
    assert (result.attempts, len(service.asked)) == (1, 16)


def test_nothing_is_burst_unless_that_was_asked_for(service: SampleService) -> None:
    service.does("/", limited(100))
    look(service)
    assert len(service.asked) == 4


@pytest.mark.reports("rate-limit/not-limited")
def test_a_limit_that_is_not_reached_within_the_budget_fails(service: SampleService) -> None:
    service.does("/api", limited(100))
    result = look(service, BURST)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["not-limited"])
    assert len(service.asked) == 4 + 12


@pytest.mark.reports("rate-limit/server-error")
def test_a_service_that_fails_under_the_burst_is_left_alone(service: SampleService) -> None:
    service.says("/api", *legacy("X-RateLimit-", 9, 8, 7, 6, 5), text("boom", 503))
    result = look(service, BURST)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["server-error"])
    assert len(service.asked) == 6


@pytest.mark.reports("rate-limit/retry-after")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": "soon"},
        {"Retry-After": "5", "RateLimit-Policy": '"q";q=4;w=60', "RateLimit": '"q";r=0;t=30'},
    ],
)
def test_a_429_has_to_tell_when_to_try_again(service: SampleService, headers: dict[str, str]) -> None:
    told = legacy("X-RateLimit-", 9, 8, 7, 6)
    service.says("/api", *told, Answer(status=429, headers=headers), text("ok"))
    result = look(service, BURST)
    assert (result.status, rules_of(result)) == (Status.WARN, ["retry-after"])


@pytest.mark.reports("rate-limit/other-client")
def test_a_limit_for_all_clients_together_fails(service: SampleService) -> None:
    world = a_world()
    route = limited(16, 60.0, key="host", clock=world.clock)
    service.does("/api", route)
    check = RateLimit(path="/api", burst=Burst(requests=20, headers=KEY, other_headers=OTHER))
    result = look(service, check, world)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["other-client"])
    assert "429 to another client" in result.sentence


@pytest.mark.reports("rate-limit/no-recovery")
def test_a_limit_that_does_not_end_when_it_says_fails(service: SampleService) -> None:
    refused = text("", 429, Retry_After="5")
    told = legacy("X-RateLimit-", 9, 8, 7, 6)
    service.does(
        "/api", lambda asked: refused if asked.headers.get("x-api-key") == "key-of-the-test" else told[0]
    )
    result = look(service, BURST)
    assert "no-recovery" in rules_of(result)
    assert result.status is Status.FAIL


@pytest.mark.reports("rate-limit/recovery-unseen")
def test_an_end_that_is_too_far_away_is_said_to_be_unseen(service: SampleService) -> None:
    told = legacy("X-RateLimit-", 9, 8, 7, 6)
    service.says("/api", *told, text("", 429, Retry_After="3600"), text("ok"))
    result = look(service, BURST)
    assert (result.status, rules_of(result)) == (Status.WARN, ["recovery-unseen"])


def test_a_burst_shows_a_limit_that_no_field_tells(service: SampleService) -> None:
    service.says("/api", *[text("ok")] * 9, text("", 429, Retry_After="5"), text("ok"))
    result = look(service, BURST)
    assert (result.status, rules_of(result)) == (Status.PASS, [])
    assert result.facts["limited_after"] == 6


@pytest.mark.reports("rate-limit/unreachable", "rate-limit/url", "rate-limit/not-asked", "rate-limit/status")
def test_a_service_that_does_not_answer_is_no_pass(service: SampleService) -> None:
    with sample_service() as dead:
        pass
    assert rules_of(look(dead)) == ["unreachable"]
    assert rules_of(the_result(EXAMPLE, a_subject(url=""), a_world())) == ["url"]
    assert rules_of(the_result(EXAMPLE, a_subject(url="http://shop.invalid"), a_world())) == ["not-asked"]
    service.says("/", text("boom", 500))
    assert rules_of(look(service)) == ["status"]


def test_a_connection_that_breaks_in_the_burst_ends_it(service: SampleService) -> None:
    service.says("/api", *legacy("X-RateLimit-", 9, 8, 7, 6), Answer(status=RESET))
    assert rules_of(look(service, BURST)) == ["unreachable"]


@pytest.mark.reports("rate-limit/gate")
def test_a_gate_tells_nothing_about_the_limit(service: SampleService) -> None:
    service.says("/", text("Just a moment...", 403, CF_Mitigated="challenge"))
    assert rules_of(look(service)) == ["gate"]


@pytest.mark.reports("rate-limit/throttled", "rate-limit/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: RateLimit(path="api"), "path: "),
        (lambda: RateLimit(path="//api"), "path: "),
        (lambda: Burst(requests=10), "headers: name the key of a client of its own"),
        (lambda: Burst(requests=1001, headers=KEY), "requests: "),
        (lambda: Burst(requests=-1), "requests: "),
        (lambda: Burst(headers={"X Key": Secret("x")}), "headers: "),
        (lambda: Burst(other_headers={"X-Key": Secret("a\nb")}), "headers: "),
    ],
)
def test_settings_that_could_hurt_real_clients_are_refused(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        make()
