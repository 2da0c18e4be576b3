"""What the header fields of a few answers tell about a rate limit."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.compare import gate_fault, is_transient_status
from ci_ops.checks._http.expect import ANY_ANSWER
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.rate_fields import RATE_FIELDS, read_rate_limits
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from ci_ops.core.text.rate_fields import RateLimit

SAMPLES = 4
"""Requests on new connections: two that reach the same process are likely among them."""


class Fields:
    """The fields of a few answers to one client."""

    def __init__(self, question: Question, url: str, *, is_enough: bool) -> None:
        self._question = question
        self._url = url
        self._name = safe_url(url)
        self._is_enough = is_enough
        """True where no burst follows: then fields that tell nothing leave the limit unseen."""
        self._limits: list[tuple[RateLimit, ...]] = []
        self._answers: list[Response] = []
        self.faults: list[Fault] = []

    @property
    def answered(self) -> int:
        """Number of answers."""
        return len(self._answers)

    def read(self) -> None:
        """Send the requests, and judge what the answers tell."""
        started = self._question.world.clock.monotonic()
        for _ in range(SAMPLES):
            answer = self._question.ask(self._url, ANY_ANSWER)
            fault = self._unfit(answer)
            if fault is not None:
                self.faults.append(fault)
                return
            assert isinstance(answer, Response)
            self._answers.append(answer)
            now = self._question.world.clock.now().timestamp()
            self._limits.append(read_rate_limits(answer.headers, unix_time=now))
        self._judge(self._question.world.clock.monotonic() - started)

    def _unfit(self, answer: Response | HttpError) -> Fault | None:
        world = self._question.world
        if isinstance(answer, HttpError):
            return unanswered(world, answer, subject=self._name)
        gate = gate_fault(world, answer, self._name)
        if gate is not None or answer.status < 500:
            return gate
        return Fault(
            rule="status",
            severity=Status.FAIL,
            sentence=f"{self._name} answers {answer.status}.",
            expected="an answer below 500",
            observed=evidence(world, f"{answer.status}: {answer.text}", 160),
            subject=self._name,
            transient=is_transient_status(answer.status),
        )

    def _judge(self, seconds: float) -> None:
        if not any(self._limits):
            fields = {name: value for name, value in self._answers[0].headers.items() if name in RATE_FIELDS}
            if fields or self._is_enough:
                self._add_untold(fields)
            return
        left = self._left
        falls = [after < before for before, after in pairwise(left)]
        if not left or all(falls) or self._is_refilled_within(seconds):
            return
        rule = "uneven" if any(falls) else "not-counted"
        words = "falls unevenly" if any(falls) else "does not fall"
        self.faults.append(
            Fault(
                rule=rule,
                severity=Status.WARN,
                sentence=f"What {self._name} has left {words} over {len(left)} requests.",
                expected="one less with each request",
                observed=", ".join(map(str, left)),
                subject=self._name,
                transient=True,
            )
        )

    def _add_untold(self, fields: dict[str, str]) -> None:
        world = self._question.world
        self.faults.append(
            Fault(
                rule="malformed" if fields else "untold",
                severity=Status.ERROR if self._is_enough else Status.WARN,
                sentence=f"{self._name} tells no rate limit that can be read."
                if fields
                else f"{self._name} tells no rate limit.",
                expected="RateLimit-Policy and RateLimit, or an older form",
                observed=evidence(world, ", ".join(f"{name}: {value}" for name, value in fields.items())),
                subject=self._name,
                transient=True,
            )
        )

    @property
    def _left(self) -> list[int]:
        """What is left of the limit that every answer tells."""
        first = next(iter(self._limits), ())
        names = [limit.name for limit in first if limit.remaining is not None]
        if not names:
            return []
        found = [
            limit.remaining
            for limits in self._limits
            for limit in limits
            if limit.name == names[0] and limit.remaining is not None
        ]
        return found if len(found) == len(self._limits) else []

    def _is_refilled_within(self, seconds: float) -> bool:
        """Return True where a limit may give back a request while the samples are taken."""
        return any(
            limit.quota is not None
            and bool(limit.window_seconds)
            and limit.quota / (limit.window_seconds or 1) * seconds >= 1
            for limit in self._limits[0]
        )

    @property
    def reset_seconds(self) -> float | None:
        """Time in which a used-up limit ends, as far as the fields tell."""
        told = [limit.window_seconds or limit.reset_seconds for limits in self._limits for limit in limits]
        return max((float(each) for each in told if each), default=None)

    @property
    def text(self) -> str:
        """The limit for people: `100 in 60 s`."""
        limits = next(filter(None, self._limits), ())
        told = [
            f"{limit.quota} in {limit.window_seconds} s" if limit.window_seconds else str(limit.quota)
            for limit in limits
            if limit.quota is not None
        ]
        return ", ".join(told) or "a limit without its size"

    @property
    def sentence(self) -> str:
        """What to say when nothing is wrong."""
        left = self._left
        counted = f"; {left[0]} to {left[-1]} left" if left else ""
        return f"{self._name} tells its rate limit, {self.text}{counted}."

    @property
    def facts(self) -> dict[str, Any]:
        """The limits as they were told."""
        limits = next(filter(None, self._limits), ())
        return {
            "limits": [{"quota": each.quota, "window_seconds": each.window_seconds} for each in limits],
            "left": self._left,
        }
