"""The state machine of a circuit breaker, without any call in it.

A caller acquires a permit, makes its call, and returns the permit with the
outcome. Permits carry the generation of the state they were given in: outcomes
of an older generation are ignored, so a late success of a call that began
before the circuit opened closes nothing. The lock is held around the
arithmetic alone, never across a call.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ci_ops.service._process.locked import Locked
from ci_ops.service._process.window import CountWindow, TimeWindow, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.service.resilience.circuit_rules import CircuitRules

log = logging.getLogger("ci_ops.service.resilience")

_FIELD_BITS = 32
_FIELD_MASK = (1 << _FIELD_BITS) - 1
_CALL = 1
_FAILED = 1 << _FIELD_BITS
_SLOW = 1 << 2 * _FIELD_BITS
"""One weight holds three counts, so that a window keeps one sum and not three."""

_NUMBERS = itertools.count(1)
_BUSY_PROBE_SECONDS = 1.0


class CircuitState(StrEnum):
    """State of a circuit."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    """Opened by an operator, until `reset`."""
    DISABLED = "disabled"
    """Everything passes, nothing is counted."""
    METRICS_ONLY = "metrics_only"
    """Everything passes and is counted, nothing opens it."""


class CircuitOpenError(Exception):
    """The circuit is open: the call was not made."""

    def __init__(self, name: str, retry_after_seconds: float | None, circuit_number: int = 0) -> None:
        self.name = name
        self.circuit_number = circuit_number
        """Tells circuits of the same name apart, within one process."""
        self.retry_after_seconds = retry_after_seconds
        """When a try makes sense again; None where only a person closes it."""

    def __str__(self) -> str:
        if self.retry_after_seconds is None:
            return f"the circuit {self.name} is held open"
        return f"the circuit {self.name} is open for another {self.retry_after_seconds:.1f} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class CircuitSnapshot:
    """All figures of a circuit at one moment."""

    name: str
    state: CircuitState
    failure_count: int
    """Failures one after another, up to now."""
    calls: int
    failed: int
    slow: int
    """The three counts of the window."""
    openings: int
    """How often it opened since it was last closed."""
    rejected: int
    """Calls that were not let through, since it was made."""
    retry_after_seconds: float | None
    """Time until the next probe; None unless it is open."""

    @property
    def failure_rate(self) -> float:
        """Share of failed calls in the window; 0 for an empty one."""
        return self.failed / self.calls if self.calls else 0.0

    @property
    def slow_rate(self) -> float:
        """Share of slow calls in the window; 0 for an empty one."""
        return self.slow / self.calls if self.calls else 0.0


class Circuit(Locked):
    """Permits out, outcomes in; safe for threads, tasks and finalizers."""

    def __init__(
        self,
        name: str,
        rules: CircuitRules,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[CircuitState, CircuitState], object] | None = None,
    ) -> None:
        self.name = name
        self.number = next(_NUMBERS)
        self.rules = rules
        self.clock = clock
        self.free_permit = 0
        """The permit everybody may take without asking; 0 when one must ask."""
        self.ignores_success = False
        """True when a success that was not slow could change nothing.

        That is so while every entry of the count window is a good call: the
        window looks the same before and after. Callers read it without the
        lock; a failure recorded at that moment is simply the later of the two.
        """
        self._on_change = on_change
        super().__init__()
        self._changes: list[tuple[CircuitState, CircuitState]] = []
        self._state = CircuitState.CLOSED
        self._generation = 0
        self._openings = 0
        self._rejected = 0
        self._reopens_at = 0.0
        self._probes_since = 0.0
        self._probes_left = 0
        self._probes_good = 0
        self._probes_bad = 0
        self._probes_bad_limit = rules.bad_probes_that_open
        self._all_good = rules.window_calls * _CALL if rules.window_seconds is None else -1
        self._enter(CircuitState.CLOSED)
        self._changes.clear()

    @property
    def state(self) -> CircuitState:
        """The state that a call would find now; an open circuit whose time is up is half-open."""
        if self._state is CircuitState.OPEN and self.clock() >= self._reopens_at:
            return CircuitState.HALF_OPEN
        return self._state

    @property
    def failure_count(self) -> int:
        """Consecutive failures up to now."""
        return self._failure_count

    def acquire(self) -> int:
        """Return a permit for one call. Raises CircuitOpenError where there is none."""
        permit = self.free_permit
        if permit:
            return permit
        with self._lock:
            now = self.clock()
            if self._state is CircuitState.OPEN and now < self._reopens_at:
                wait_seconds: float | None = self._reopens_at - now
            else:
                permit = self._ask_for_permit(now)
                wait_seconds = None if self._state is CircuitState.FORCED_OPEN else _BUSY_PROBE_SECONDS
            if not permit:
                self._rejected += 1
        if self._changes:
            self._announce()
        if not permit:
            raise CircuitOpenError(self.name, wait_seconds, self.number)
        return permit

    def succeed(self, permit: int, started: float, ended: float) -> None:
        """Return the permit of a successful call."""
        is_slow = ended - started >= self.rules.slow_seconds
        if self.ignores_success and not is_slow:
            return
        with self._lock:
            if permit == self._counted_permit:
                self._failure_count = 0
                if is_slow:
                    self._count(_CALL + _SLOW, ended)
                else:
                    self.ignores_success = self._window.add(ended, _CALL) == self._all_good
            elif permit == self._probe_permit:
                self._judge_probe(is_good=not is_slow or self.rules.slow_rate is None)
        if self._changes:
            self._announce()

    def fail(self, permit: int, started: float, ended: float, *, retry_after_seconds: float = 0.0) -> None:
        """Return the permit of a failed call.

        `retry_after_seconds` is what the dependency requested: when this failure
        opens the circuit, it stays open at least that long.
        """
        weight = _CALL + _FAILED
        if ended - started >= self.rules.slow_seconds:
            weight += _SLOW
        with self._lock:
            if permit == self._counted_permit:
                self._failure_count += 1
                self._count(weight, ended, retry_after_seconds)
            elif permit == self._probe_permit:
                self._judge_probe(is_good=False, retry_after_seconds=retry_after_seconds)
        if self._changes:
            self._announce()

    def release(self, permit: int) -> None:
        """Return the permit of a call without an outcome, such as a cancelled one."""
        with self._lock:
            if permit == self._probe_permit:
                self._probes_left += 1

    def move(self, state: CircuitState) -> None:
        """Set the state on behalf of an operator; the counts start at zero."""
        with self._lock:
            self._openings = 0
            if state is CircuitState.OPEN:
                self._open(0.0)
            else:
                self._enter(state)
        self._announce()

    def snapshot(self) -> CircuitSnapshot:
        """All figures of one moment."""
        with self._lock:
            now = self.clock()
            total = self._window.total(now)
            is_open = self._state is CircuitState.OPEN
            return CircuitSnapshot(
                name=self.name,
                state=self.state,
                failure_count=self._failure_count,
                calls=total & _FIELD_MASK,
                failed=total >> _FIELD_BITS & _FIELD_MASK,
                slow=total >> 2 * _FIELD_BITS,
                openings=self._openings,
                rejected=self._rejected,
                retry_after_seconds=max(0.0, self._reopens_at - now) if is_open else None,
            )

    def _ask_for_permit(self, now: float) -> int:
        """Return a permit; 0 when it is forced open or when all its probes are in progress."""
        if self._state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN)
        if self._state is not CircuitState.HALF_OPEN:
            return self.free_permit
        # A probe that never comes back must not keep the circuit half open
        # for ever: after another recovery time there are new ones.
        if not self._probes_left and now - self._probes_since >= self.rules.open_seconds(self._openings):
            self._enter(CircuitState.HALF_OPEN)
        if not self._probes_left:
            return 0
        self._probes_left -= 1
        return self._generation

    def _count(self, weight: int, now: float, retry_after_seconds: float = 0.0) -> None:
        """Count a failed or slow call; only such a call can open the circuit."""
        self.ignores_success = False
        total = self._window.add(now, weight)
        if self._state is CircuitState.CLOSED and self._is_too_bad(total):
            self._open(retry_after_seconds)

    def _is_too_bad(self, total: int) -> bool:
        rules = self.rules
        if rules.failure_threshold is not None and self._failure_count >= rules.failure_threshold:
            return True
        calls = total & _FIELD_MASK
        if calls < rules.minimum_calls:
            return False
        failed = total >> _FIELD_BITS & _FIELD_MASK
        slow = total >> 2 * _FIELD_BITS
        return (rules.failure_rate is not None and failed / calls >= rules.failure_rate) or (
            rules.slow_rate is not None and slow / calls >= rules.slow_rate
        )

    def _judge_probe(self, *, is_good: bool, retry_after_seconds: float = 0.0) -> None:
        if is_good:
            self._probes_good += 1
        else:
            self._probes_bad += 1
        if self._probes_bad >= self._probes_bad_limit:
            self._open(retry_after_seconds)
        elif self._probes_good + self._probes_bad >= self.rules.half_open_calls:
            self._openings = 0
            self._enter(CircuitState.CLOSED)

    def _open(self, retry_after_seconds: float) -> None:
        rules = self.rules
        self._openings += 1
        seconds = rules.open_seconds(self._openings)
        asked_for = min(retry_after_seconds, rules.max_recovery_seconds)
        jitter = 1.0 + rules.recovery_jitter_ratio * random.random()  # noqa: S311 - spreads load, hides nothing
        self._reopens_at = self.clock() + max(seconds, asked_for) * jitter
        self._enter(CircuitState.OPEN)

    def _enter(self, state: CircuitState) -> None:
        """Begin a new generation, in which older permits no longer count."""
        self._changes.append((self._state, state))
        self._state = state
        self._generation += 1
        passes = state in {CircuitState.CLOSED, CircuitState.DISABLED, CircuitState.METRICS_ONLY}
        self.free_permit = self._generation if passes else 0
        self._counted_permit = self.free_permit if state is not CircuitState.DISABLED else 0
        self._probe_permit = self._generation if state is CircuitState.HALF_OPEN else 0
        self._probes_since = self.clock()
        self._probes_left = self.rules.half_open_calls
        self._probes_good = self._probes_bad = 0
        self.ignores_success = state is CircuitState.DISABLED
        if passes:
            self._failure_count = 0
            seconds = self.rules.window_seconds
            self._window: Window = TimeWindow(seconds) if seconds else CountWindow(self.rules.window_calls)

    def _announce(self) -> None:
        """Notify the listener outside the lock, so that it may use the circuit."""
        with self._lock:
            changes, self._changes = self._changes, []
        for old, new in changes:
            if old is new:
                continue
            level = logging.WARNING if new is CircuitState.OPEN else logging.INFO
            log.log(level, "circuit %s: %s -> %s", self.name, old, new)
            if self._on_change is not None:
                try:
                    self._on_change(old, new)
                except Exception:
                    log.exception("the listener of the circuit %s failed", self.name)
