"""Fixed sequences of the state machine; `make torture` runs thousands of random ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Deployments
from tests.model.outside import Outside, outside

SIZE = settings(
    max_examples=12,
    stateful_step_count=8,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # shrinking takes minutes, and the story of a contradiction is short enough
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world() -> Iterator[Outside]:
    with outside() as running:
        yield running


@pytest.mark.parametrize("start", range(4))
def test_no_sequence_contradicts_the_model(world: Outside, start: int) -> None:
    class Machine(Deployments):
        outside = world

    run_state_machine_as_test(seed(start)(Machine), settings=SIZE)
