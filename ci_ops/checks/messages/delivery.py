"""What became of the messages, since the deployment and in the window before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ci_ops.checks._verdict import Fault
from ci_ops.core.health.status import Status
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ci_ops.checks.messages import Messages
    from ci_ops.checks.messages.account import Message
    from ci_ops.core.ports.world import World

SENT = frozenset({"sent", "delivered", "undelivered", "failed", "read", "partially_delivered"})
"""Statuses of messages that left, or were to; some carriers tell no more than `sent`."""
LOST = frozenset({"undelivered", "failed"})
WAITING = frozenset({"queued", "accepted", "sending"})
MAX_SCHEDULE = timedelta(days=35)
SAME_SHARE = 0.8
"""A share that was at least so much of today's before the deployment is no change."""


@dataclass(slots=True)
class _Count:
    sent: int = 0
    lost: int = 0
    errors: Counter[int] = field(default_factory=Counter)

    def add(self, message: Message) -> None:
        self.sent += message.status in SENT
        if message.status in LOST:
            self.lost += 1
            self.errors.update([message.error_code] if message.error_code is not None else [])

    @property
    def share(self) -> float:
        return self.lost / self.sent if self.sent else 0.0

    @property
    def text(self) -> str:
        codes = ", ".join(f"{count} x {code}" for code, count in self.errors.most_common(5))
        return f"{self.lost} of {self.sent}" + (f" ({codes})" if codes else "")

    @property
    def facts(self) -> dict[str, Any]:
        errors = {str(code): count for code, count in self.errors.most_common(20)}
        return {"sent": self.sent, "lost": self.lost, "errors": errors}


class Delivery:
    """The messages of an account."""

    def __init__(self, check: Messages, world: World, *, now: datetime, deployed_at: datetime | None) -> None:
        self._check = check
        self._world = world
        self._now = now
        window = timedelta(seconds=check.window)
        self._start = max(deployed_at or now - window, now - window)
        self._before = self._start - window
        self._after_count, self._before_count = _Count(), _Count()
        self._stuck: Counter[str] = Counter()
        self._waiting = 0

    @property
    def measured(self) -> int:
        """Number of messages whose way was seen."""
        return self._after_count.sent + self._waiting

    def read(self, messages: Iterable[Message]) -> None:
        """Sort the messages by time and status."""
        for each in messages:
            if not each.is_outbound:
                continue
            self._note_waiting(each)
            if each.created_at >= self._start:
                self._after_count.add(each)
            elif each.created_at >= self._before:
                self._before_count.add(each)

    def _note_waiting(self, message: Message) -> None:
        age = self._now - message.created_at
        limit = MAX_SCHEDULE if message.status == "scheduled" else timedelta(seconds=self._check.stuck_after)
        if message.status in WAITING | {"scheduled"}:
            self._waiting += 1
            if age > limit:
                self._stuck[message.status] += 1

    def faults(self, *, is_account_tried: bool) -> Iterator[Fault]:
        """Yield what is wrong; nothing sent is a fault where nothing else tries the account."""
        if self._stuck:
            told = ", ".join(f"{count} {status}" for status, count in self._stuck.most_common())
            yield Fault(
                rule="stuck",
                severity=Status.FAIL,
                sentence=f"Messages wait for more than {format_duration(self._check.stuck_after)}: {told}.",
                expected=f"sent within {format_duration(self._check.stuck_after)}",
                observed=told,
                transient=True,
            )
        count = self._after_count
        if not self.measured:
            if not is_account_tried:
                yield Fault(rule="nothing-sent", severity=Status.ERROR, sentence="", transient=True)
        elif count.sent < self._check.min_sample:
            sentence = (
                f"{count.sent} messages were sent, too few to judge: {self._check.min_sample} are needed."
            )
            yield Fault(rule="small-sample", severity=Status.WARN, sentence=sentence)
        else:
            yield from self._share_faults(count)

    def _share_faults(self, count: _Count) -> Iterator[Fault]:
        share, before = self._check.share, self._before_count
        if count.share <= min(share.warn, share.fail):
            return
        is_old = before.sent >= self._check.min_sample and before.share >= count.share * SAME_SHARE
        failed = count.share > share.fail and not is_old
        yield Fault(
            rule="undelivered-before" if is_old else "undelivered",
            severity=Status.FAIL if failed else Status.WARN,
            sentence=f"{count.text} messages were not delivered; in the window before, {before.text}.",
            expected=f"at most {share.fail if failed else share.warn:.0%}",
            observed=f"{count.share:.0%}",
            transient=True,
        )

    @property
    def sentence(self) -> str:
        """What to say when nothing is wrong."""
        count = self._after_count
        if not count.sent:
            return "No message was sent in the window."
        return f"{count.sent - count.lost} of {count.sent} messages were sent without an error."

    @property
    def facts(self) -> dict[str, Any]:
        """Both windows, and what waits."""
        return {
            "since": self._start.isoformat(timespec="seconds"),
            "after": self._after_count.facts,
            "before": self._before_count.facts,
            "waiting": self._waiting,
            "stuck": dict(self._stuck),
        }
