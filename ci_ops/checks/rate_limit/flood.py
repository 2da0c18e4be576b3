"""A burst up to the limit: one client, one request after another, until the first 429."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._http.refusal import TOO_MANY_REQUESTS, asked_wait
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.deadline import Deadline
from ci_ops.core.health.status import Status
from ci_ops.core.pace import Pace
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.rate_fields import read_rate_limits
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.checks.rate_limit import Burst
    from ci_ops.core.text.secret import Secret

_EVERY_STATUS = Expectation(status=tuple(range(200, 600)))
AFTER_SECONDS = 1.0
"""Time after the end of a limit until the client tries again."""
PER_SECOND = 50.0


class Flood:
    """The burst, and what the service answered."""

    def __init__(self, question: Question, url: str, burst: Burst, *, limit: float | None) -> None:
        self._question = replace(question, pace=Pace(PER_SECOND), fresh=False)
        self._url = url
        self._name = safe_url(url)
        self._burst = burst
        self._window_seconds = limit
        self._seconds: float | None = None
        """Time that the client was asked to wait."""
        self.answered = 0
        self.faults: list[Fault] = []
        self.facts: dict[str, Any] = {}
        self.sentence = ""

    def send(self) -> None:
        """Send requests until the first 429, then see what it means for this client and another one."""
        refusal = self._until_refused()
        if refusal is None:
            return
        self._judge_refusal(refusal)
        self._ask_as_other_client()
        self._recover()

    def _ask(self, headers: Mapping[str, Secret]) -> Response | HttpError:
        question = replace(self._question, headers={**self._question.headers, **headers})
        answer = question.ask(self._url, _EVERY_STATUS)
        self.answered += isinstance(answer, Response)
        return answer

    def _until_refused(self) -> Response | None:
        for number in range(1, self._burst.requests + 1):
            answer = self._ask(self._burst.headers)
            if isinstance(answer, HttpError):
                self.faults.append(unanswered(self._question.world, answer, subject=self._name))
                return None
            if answer.status == TOO_MANY_REQUESTS:
                self.facts["limited_after"] = number
                return answer
            if answer.status >= 500:
                sentence = f"{self._name} answers {answer.status} to request {number} of the burst, which was stopped."
                self._add("server-error", Status.FAIL, sentence, answer=answer)
                return None
        sentence = f"{self._name} does not limit {self._burst.requests} requests."
        self._add("not-limited", Status.FAIL, sentence, expected="429 within the budget")
        return None

    def _judge_refusal(self, refusal: Response) -> None:
        world = self._question.world
        number = self.facts["limited_after"]
        self.sentence = f"{self._name} limits a client at request {number}, and no other."
        seconds = asked_wait(world, refusal)
        limits = read_rate_limits(refusal.headers, unix_time=world.clock.now().timestamp())
        ends = max((each.reset_seconds or 0.0 for each in limits if each.remaining == 0), default=0.0)
        if "retry-after" not in refusal.headers:
            self._add(
                "retry-after", Status.WARN, f"The 429 of {self._name} has no Retry-After.", answer=refusal
            )
        elif seconds is None:
            told = evidence(world, refusal.headers["retry-after"], 60)
            sentence = f"The Retry-After of {self._name} cannot be read: {told}."
            self._add("retry-after", Status.WARN, sentence, answer=refusal)
        elif seconds < ends:
            sentence = (
                f"The Retry-After of {self._name}, {format_duration(seconds)}, ends before its limit, "
                f"{format_duration(ends)}."
            )
            self._add("retry-after", Status.WARN, sentence, answer=refusal)
        waits = [each for each in (seconds, ends) if each]
        self._seconds = max(waits) if waits else self._window_seconds

    def _ask_as_other_client(self) -> None:
        answer = self._ask(self._burst.other_headers)
        if isinstance(answer, HttpError):
            self.faults.append(unanswered(self._question.world, answer, subject=self._name))
        elif answer.status == TOO_MANY_REQUESTS or answer.status >= 500:
            sentence = (
                f"{self._name} answers {answer.status} to another client while the first one is limited."
            )
            self._add("other-client", Status.FAIL, sentence, answer=answer, expected="an answer below 429")

    def _recover(self) -> None:
        clock = self._question.world.clock
        until = self._question.deadline or Deadline.after(self._question.timeout_seconds, clock)
        seconds = None if self._seconds is None else self._seconds + AFTER_SECONDS
        if seconds is None or seconds >= until.left_seconds:
            told = "no end" if seconds is None else format_duration(seconds)
            sentence = f"{self._name} limits the client for longer than there was time ({told})."
            self._add("recovery-unseen", Status.WARN, sentence)
            return
        clock.sleep(seconds)
        answer = self._ask(self._burst.headers)
        if isinstance(answer, HttpError):
            self.faults.append(unanswered(self._question.world, answer, subject=self._name))
        elif answer.status == TOO_MANY_REQUESTS or answer.status >= 500:
            sentence = f"{self._name} answers {answer.status} {format_duration(seconds)} after the limit was reached."
            self._add("no-recovery", Status.FAIL, sentence, answer=answer, expected="an answer below 429")
        else:
            self.facts["recovered_after_seconds"] = round(seconds, 3)

    def _add(
        self,
        rule: str,
        severity: Status,
        sentence: str,
        *,
        answer: Response | None = None,
        expected: str = "",
    ) -> None:
        observed = (
            "" if answer is None else evidence(self._question.world, f"{answer.status}: {answer.text}", 160)
        )
        self.faults.append(
            Fault(
                rule=rule,
                severity=severity,
                sentence=sentence,
                expected=expected,
                observed=observed,
                subject=f"{self._name} {rule}",
            )
        )
