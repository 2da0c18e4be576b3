"""An HTTP request as a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.core.delivery.step import OUTPUT_CHARACTERS, Step, StepResult
from ci_ops.core.ports.http import HttpError

if TYPE_CHECKING:
    from ci_ops.core.delivery.context import Context


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Step):
    """Send one HTTP request; any 2xx answer is success.

    Its probe is a URL that answers 2xx when the change has happened and 4xx when not.
    URL, headers, body and probe may name environment variables as `${NAME}`.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    timeout_seconds: float = 30.0

    @property
    def text(self) -> str:
        """The method and the URL."""
        return f"{self.method} {self.url}"

    def perform(self, context: Context) -> StepResult:
        """Send the request; the result contains the body."""
        try:
            answer = context.world.http.request(
                self.method,
                context.fill_in(self.url),
                timeout_seconds=self.timeout_seconds,
                headers={name: context.fill_in(value) for name, value in self.headers.items()},
                body=context.fill_in(self.body).encode() or None,
            )
        except (HttpError, ValueError) as error:
            return StepResult(ok=False, code=-1, output=context.world.redact(str(error)))
        text = context.world.redact(answer.text)[-OUTPUT_CHARACTERS:]
        return StepResult(
            ok=answer.status // 100 == 2, code=answer.status, output=text, seconds=answer.seconds
        )

    def has_happened(self, context: Context) -> bool | None:
        """Request the probe's URL."""
        if not self.probe:
            return None
        try:
            url = context.fill_in(self.probe)
            answer = context.world.http.request("GET", url, timeout_seconds=self.timeout_seconds)
        except (HttpError, ValueError):
            return None
        return {2: True, 4: False}.get(answer.status // 100)
