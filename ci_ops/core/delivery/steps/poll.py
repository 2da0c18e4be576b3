"""A step that requests a URL until it answers 2xx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.step import OUTPUT_CHARACTERS, Observation, StepResult
from ci_ops.core.delivery.steps._until import Try, try_until
from ci_ops.core.ports.http import HttpError

if TYPE_CHECKING:
    from ci_ops.core.delivery.context import Context


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll(Observation):
    """Request a URL until it answers 2xx or the deadline has passed.

    The request is sent from the machine that runs ci-ops, each time on a new
    connection: an old one may still lead to the release that was replaced.
    """

    url: str
    """May name environment variables as `${NAME}`."""
    deadline_seconds: float = 60.0
    interval_seconds: float = 1.0
    timeout_seconds: float = 10.0
    """For one request."""

    @property
    def text(self) -> str:
        """The request."""
        return f"GET {self.url}"

    def perform(self, context: Context) -> StepResult:
        """Request the URL until it answers 2xx; the result contains the last body."""
        return try_until(
            lambda: self._try(context),
            context.world.clock,
            deadline_seconds=self.deadline_seconds,
            interval_seconds=self.interval_seconds,
        )

    def _try(self, context: Context) -> Try:
        try:
            answer = context.world.http.request(
                "GET", context.fill_in(self.url), timeout_seconds=self.timeout_seconds, fresh=True
            )
        except (HttpError, ValueError) as error:
            result = StepResult(ok=False, code=-1, output=context.world.redact(str(error)))
            return Try(result=result, is_settled=not (isinstance(error, HttpError) and error.transient))
        text = context.world.redact(answer.text)[-OUTPUT_CHARACTERS:]
        ok = answer.status // 100 == 2
        if not ok:
            text = f"{text.rstrip()}\nthe last answer was {answer.status}; expected 2xx".lstrip()
        return Try(result=StepResult(ok=ok, code=answer.status, output=text), is_settled=ok)
