"""Sinks are called in the background, each bounded in time and in what may wait for it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from ci_ops.core.event import Delivery, Event, Outcome
from ci_ops.flows._outbox import MAX_WAITING, Outbox
from tests.support.events import event
from tests.support.sinks import CallSink
from tests.support.waiting import wait_until

EVENT = event()


def numbered(number: int) -> Event:
    return replace(EVENT, id=f"event {number}")


def delivered(sent: Event) -> tuple[Delivery, ...]:
    return (Delivery(target="here", event=sent.id, outcome=Outcome.DELIVERED),)


def working() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "outbox"]


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def test_events_arrive_in_order_and_leave_no_thread() -> None:
    outbox = Outbox([CallSink(delivered)])
    for number in range(50):
        outbox.put(numbered(number))
    assert [each.event for each in outbox.deliveries()] == [f"event {number}" for number in range(50)]
    assert outbox.count == 50
    wait_until(lambda: not working())


def test_a_sink_that_hangs_is_given_up_and_holds_up_no_other(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci_ops.flows._outbox.GRACE_SECONDS", 0.2)

    def hang(_event: Event) -> tuple[Delivery, ...]:
        gate.wait()
        return ()

    outbox = Outbox([CallSink(hang, deadline_seconds=0.1), CallSink(delivered)])
    started = time.monotonic()
    for number in range(3):
        outbox.put(numbered(number))
    assert time.monotonic() - started < 5.0
    outcomes = [(each.event, each.outcome) for each in outbox.deliveries()]
    assert outcomes == [
        (f"event {number}", outcome) for number in range(3) for outcome in (Outcome.FAILED, Outcome.DELIVERED)
    ]
    assert outbox.deliveries()[0].sentence == "no answer within 300 ms"
    gate.set()
    wait_until(lambda: not working())


def test_what_waits_for_a_sink_does_not_grow_without_bound(gate: threading.Event) -> None:
    begun = threading.Event()

    def wait(sent: Event) -> tuple[Delivery, ...]:
        begun.set()
        gate.wait()
        return delivered(sent)

    outbox = Outbox([CallSink(wait)])
    outbox.put(numbered(0))
    begun.wait()
    for number in range(1, MAX_WAITING + 21):
        outbox.put(numbered(number))
    assert len(working()) == 1
    gate.set()
    deliveries = outbox.deliveries()
    assert [each.outcome for each in deliveries].count(Outcome.DELIVERED) == MAX_WAITING + 1
    lost = [each for each in deliveries if each.outcome is Outcome.FAILED]
    assert len(lost) == 20
    assert lost[0].sentence == f"{MAX_WAITING} earlier events still wait for it"


def test_a_sink_that_fails_unexpectedly_loses_that_event_only() -> None:
    def fail_first(sent: Event) -> tuple[Delivery, ...]:
        if sent.id == "event 0":
            raise KeyError("secret")
        return delivered(sent)

    outbox = Outbox([CallSink(fail_first)])
    outbox.put(numbered(0))
    outbox.put(numbered(1))
    lost, sent = outbox.deliveries()
    assert (lost.outcome, lost.sentence) == (Outcome.FAILED, "the sink failed unexpectedly: KeyError")
    assert sent.outcome is Outcome.DELIVERED
