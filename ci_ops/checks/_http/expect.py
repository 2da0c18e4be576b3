"""The expectation for a URL, and every rule that a response can break."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ci_ops.checks._http.assertions import check_assertions, check_pattern
from ci_ops.core.fields import Duration
from ci_ops.core.plugin import Rule

NO_ANSWER_RULES: Mapping[str, Rule] = {
    "url": Rule(
        sentence="There is no usable address to request.",
        advice="Set `verify.url` (or the input `url`) to the service's https:// address.",
    ),
    "unreachable": Rule(
        sentence="The service did not answer.",
        advice="See whether it runs and listens, then its log; from elsewhere: `curl -v` on the address.",
    ),
    "not-asked": Rule(
        sentence="The service could not be requested.",
        advice="Check the host name, the proxy and the network of the machine that runs ci-ops.",
    ),
    "gate": Rule(
        sentence="Something in front of the service answered in its place.",
        advice="Let ci-ops through to the service: an exception in the firewall, or a service token in `send-headers`; "
        "or run it where it reaches the service directly.",
    ),
    "throttled": Rule(
        sentence="The service limits the rate of the probe, so it was not measured.",
        advice="Set the same `CI_OPS_PROBE_KEY` for ci-ops and for the service, whose kit then lets signed probes "
        "pass; without the kit, exempt this runner from the limit, or lower `verify.max-rate`.",
    ),
    "blocked": Rule(
        sentence="The service refuses the probe, so it was not measured.",
        advice="Set the same `CI_OPS_PROBE_KEY` for ci-ops and for the service, whose kit then lets signed probes "
        "pass; without the kit, let this runner's address through, or send a service token in `send-headers`.",
    ),
}
"""What a check may find that gets no answer of the service."""
ANSWER_RULES: Mapping[str, Rule] = {
    **NO_ANSWER_RULES,
    "status": Rule(
        sentence="The HTTP status is not the expected one.",
        advice="Look at the service's log for this request; where another status is right, set `status`.",
    ),
    "redirected": Rule(
        sentence="The answer is a redirect.",
        advice="Use the address it leads to, or allow redirects with `redirects`.",
    ),
    "aged": Rule(
        sentence="The answer comes from a cache, so it says nothing about the release.",
        advice="Answer with `Cache-Control: no-store`, or keep the CDN from caching this address.",
    ),
    "slow": Rule(
        sentence="The answer takes longer than the limit.",
        advice="Look for cold starts and slow dependencies; the limits are in `latency`.",
    ),
    "json": Rule(
        sentence="A value in the JSON body is not as expected.",
        advice="Compare the body with the assertions in `json`.",
    ),
    "header": Rule(
        sentence="A response header is not as expected.",
        advice="Compare the headers with the assertions in `headers`.",
    ),
    "body": Rule(
        sentence="The body is not as expected.",
        advice="Compare the body with the patterns in `matches` and `lacks`.",
    ),
}
"""What every check that asks over HTTP may find."""


MAX_REDIRECTS = 20


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Limits for the time from the start of a request to the end of its body."""

    warn: Duration = 0.0
    """Slower answers are a warning; 0 for no limit."""
    fail: Duration = 0.0
    """Slower answers are a failure; 0 for no limit."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The expected response of one URL."""

    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    """Nothing that could change the service."""
    status: int | tuple[int, ...] = ()
    """Accepted HTTP status, such as `204`, or a list of them; empty accepts every 2xx."""
    json: Mapping[str, Any] = field(default_factory=dict)
    """JSON path to a value or to operators: `{"$.status": ok, "$.queue.depth": {max: 100}}`."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    """Response header to a value or to operators: `{server: {exists: false}}`."""
    matches: str = ""
    """Regular expression that is found in the body, such as `Welcome`."""
    lacks: str = ""
    """Regular expression that is not found in the body, such as `Traceback`."""
    latency: Latency = field(default_factory=Latency)
    """Limits for the time of the answer."""
    redirects: int = 0
    """How many redirects may be followed."""
    max_age: Duration = 0.0
    """How old an answer from a cache may be; 0 accepts none that has a second of age."""

    def __post_init__(self) -> None:
        check_assertions("json", self.json, paths=True)
        check_assertions("headers", self.headers, paths=False)
        check_pattern("matches", self.matches)
        check_pattern("lacks", self.lacks)
        if not all(100 <= status <= 599 for status in self.statuses):
            raise ValueError("status: an HTTP status is a number from 100 to 599")
        if not 0 <= self.redirects <= MAX_REDIRECTS:
            raise ValueError(f"redirects: a number from 0 to {MAX_REDIRECTS}")

    @property
    def statuses(self) -> tuple[int, ...]:
        """The accepted statuses; empty for every 2xx."""
        return (self.status,) if isinstance(self.status, int) else self.status

    @property
    def status_text(self) -> str:
        """The accepted statuses as text: `2xx`, `200, 404` or `200-499`."""
        known = sorted(set(self.statuses))
        starts = [each for each in known if each - 1 not in known]
        ends = [each for each in known if each + 1 not in known]
        spans = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
        return ", ".join(spans) or "2xx"

    def accepts(self, status: int) -> bool:
        """Return True when that HTTP status is among the expected ones."""
        return status in self.statuses if self.statuses else 200 <= status <= 299


ANY_ANSWER = Expectation(status=tuple(status for status in range(200, 600) if status not in {403, 429}))
"""Whatever the service answers; 403 and 429 are looked at twice, because they may be meant for the probe alone."""
