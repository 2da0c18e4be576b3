from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.core.deadline import Deadline, ask_until
from ci_ops.core.text.durations import MAX_SECONDS, format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@dataclass
class Said:
    is_settled: bool
    wait_seconds: float | None = None


def asked(answers: list[Said], *, seconds: float = 10.0, **more: object) -> tuple[int, float]:
    """How often it was asked, and when the last time was."""
    clock = Clock()
    given_answers: Iterator[Said] = iter(answers)
    last = answers[-1]
    _, tries = ask_until(
        lambda: next(given_answers, last),
        deadline=Deadline.after(seconds, clock),
        clock=clock,
        waits=repeat(3.0),
        **more,  # type: ignore[arg-type]
    )
    return tries, clock.now


def test_a_settled_answer_is_not_asked_again() -> None:
    assert asked([Said(is_settled=True)]) == (1, 0.0)


def test_it_asks_until_settled() -> None:
    assert asked([Said(is_settled=False)] * 2 + [Said(is_settled=True)]) == (3, 6.0)


def test_the_last_try_is_just_at_the_deadline_and_never_after() -> None:
    assert asked([Said(is_settled=False)]) == (5, 10.0)


def test_without_time_there_is_still_one_try() -> None:
    assert asked([Said(is_settled=False)], seconds=0.0) == (1, 0.0)


def test_tries_can_be_limited() -> None:
    assert asked([Said(is_settled=False)], max_tries=2) == (2, 3.0)


def test_what_the_other_side_asks_to_wait_is_waited() -> None:
    assert asked([Said(is_settled=False, wait_seconds=5.0), Said(is_settled=True)]) == (2, 5.0)


def test_a_wait_beyond_the_deadline_ends_it() -> None:
    assert asked([Said(is_settled=False, wait_seconds=60.0)]) == (1, 0.0)


def test_a_deadline_counts_down_and_never_below_zero() -> None:
    clock = Clock()
    deadline = Deadline.after(5.0, clock)
    assert deadline.within(60.0) == 5.0
    assert deadline.sooner(2.0).left_seconds == 2.0
    assert deadline.sooner(60.0).left_seconds == 5.0
    clock.now = 7.0
    assert deadline.left_seconds == 0.0
    assert deadline.has_passed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("2m", 120.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("7", 7.0),
        (2, 2.0),
        (" 2M ", 120.0),
    ],
)
def test_durations_are_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "nan", "inf", "2x", True, None, [], MAX_SECONDS + 1, "1m 2"]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        assert 0 <= parse_duration(text) <= MAX_SECONDS
    except ValueError as error:
        assert "duration" in str(error)  # noqa: PT017 - most texts are refused, some are read


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.34, "340 ms"),
        (0.9996, "1.0 s"),
        (2.44, "2.4 s"),
        (59.96, "1 m 00 s"),
        (185, "3 m 05 s"),
        (3725, "1 h 02 m"),
    ],
)
def test_durations_are_shown_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
