from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.service import HealthCheckService
from tests.support.counted_checks import Counted
from tests.support.service_clock import HandClock

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


def test_flapping_is_damped_both_ways(health: HealthCheckService, clock: HandClock) -> None:
    check = Counted()
    health.add(check, name="partner", failures_to_fail=3, passes_to_recover=2)

    def ask(answer: bool) -> tuple[HealthStatus, str]:
        check.answer = answer
        clock.advance(10)
        partner = health.report()["partner"]
        return partner.status, partner.message

    assert ask(True) == (HEALTHY, "")
    assert ask(False) == (DEGRADED, "failure 1 of 3")
    assert ask(True) == (HEALTHY, "")
    assert [ask(False)[0] for _ in range(3)] == [DEGRADED, DEGRADED, UNHEALTHY]
    assert ask(True) == (UNHEALTHY, "recovering, 1 of 2 good results")
    assert ask(False)[0] is UNHEALTHY
    assert [ask(True)[0] for _ in range(2)] == [UNHEALTHY, HEALTHY]


def test_the_first_result_counts_at_once_so_a_new_instance_is_not_ready_by_damping(
    health: HealthCheckService,
) -> None:
    health.add(Counted(False), name="partner", failures_to_fail=3)

    assert health.report().status is UNHEALTHY


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_damping_turns_after_exactly_so_many_results_in_a_row(
    answers: list[bool], fall: int, rise: int
) -> None:
    clock = HandClock()
    health = HealthCheckService(monotonic=clock.monotonic, now=clock.now)
    check = Counted()
    health.add(check, name="partner", failures_to_fail=fall, passes_to_recover=rise)
    believed = answers[0]
    for index, answer in enumerate(answers):
        check.answer = answer
        clock.advance(10)
        shown = health.report()["partner"].status
        needed = rise if answer else fall
        if index and answers[max(0, index - needed + 1) : index + 1] == [answer] * needed:
            believed = answer
        expected = HEALTHY if believed and answer else (DEGRADED if believed else UNHEALTHY)
        assert shown is expected
