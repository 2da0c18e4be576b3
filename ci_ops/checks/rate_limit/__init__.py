"""Whether the service limits the rate of each client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES
from ci_ops.checks._verdict import conclude
from ci_ops.checks.rate_limit.fields import Fields
from ci_ops.checks.rate_limit.flood import Flood
from ci_ops.core.fields import Secret
from ci_ops.core.plugin import Rule
from ci_ops.core.text.weburl import at_path, header_problem

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_BUDGET = 1000


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Requests up to the limit, as a client of their own."""

    requests: int = 0
    """Maximum number of requests, above the limit of one client; 0 (default) sends none."""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    """The key of a client used by this check alone, such as `X-Api-Key: ${RATE_LIMIT_TEST_KEY}`."""
    other_headers: Mapping[str, Secret] = field(default_factory=dict)
    """The key of another client, who must not be limited; without it, a client without a key."""

    def __post_init__(self) -> None:
        if not 0 <= self.requests <= MAX_BUDGET:
            raise ValueError(f"requests: a number from 0 to {MAX_BUDGET}")
        if self.requests and not self.headers:
            raise ValueError("headers: name the key of a client of its own, or real clients share its limit")
        for name, value in {**self.headers, **self.other_headers}.items():
            if problem := header_problem(name, value.reveal()):
                raise ValueError(f"headers: {problem}")


@dataclass(frozen=True, kw_only=True)
class RateLimit(HttpCheck):
    """The service limits the rate of each client, and says so.

    The header fields of a few answers show it: `RateLimit` and
    `RateLimit-Policy`, the older `RateLimit-*`, `X-RateLimit-*` and
    `X-Rate-Limit-*`; what is left has to fall with each request. A `burst`,
    which is never sent unless it is configured, goes on to the limit itself:
    one request after another with a key of its own, until the first 429;
    then another client has to be served, and after `Retry-After` the first one
    again. None of these requests is signed with `CI_OPS_PROBE_KEY`.

    Source: draft-ietf-httpapi-ratelimit-headers-11, RFC 6585 section 4 (429).
    """

    after: ClassVar[tuple[str, ...]] = (
        "revision",
        "health",
        "endpoints",
    )
    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        "status": ANSWER_RULES["status"],
        "untold": Rule(
            sentence="No answer tells a rate limit, so none was seen.",
            advice="Send `RateLimit` and `RateLimit-Policy` (the kit's middleware does), or configure a `burst` with a "
            "key of its own.",
        ),
        "malformed": Rule(
            sentence="The header fields of the rate limit cannot be read.",
            advice='Write them as RateLimit-Policy: "default";q=100;w=60 and RateLimit: "default";r=99;t=60.',
        ),
        "not-counted": Rule(
            sentence="What is left does not fall from request to request.",
            advice="See whether the limiter counts this path, and whether the fields are more than a constant.",
        ),
        "uneven": Rule(
            sentence="What is left does not fall evenly: every process counts for itself.",
            advice="Count in a store that all processes share, such as Redis; else a client has the limit of each.",
        ),
        "not-limited": Rule(
            sentence="The limit was not reached within the budget.",
            advice="See whether the limiter counts this client and path; where the limit is higher, raise "
            "`burst.requests` above it.",
        ),
        "server-error": Rule(
            sentence="The service fails under the burst, which was stopped.",
            advice="Limit the rate below what the service can serve; its log has the error.",
        ),
        "retry-after": Rule(
            sentence="The 429 does not tell when to try again.",
            advice="Send `Retry-After` with every 429, not before the end of the window.",
        ),
        "other-client": Rule(
            sentence="Another client is limited too.",
            advice="Count by client, not for all together; behind a proxy, name it as trusted, or all clients "
            "share its address.",
        ),
        "no-recovery": Rule(
            sentence="The client is still refused after the time that the service named.",
            advice="Let the limit end when `Retry-After` says so.",
        ),
        "recovery-unseen": Rule(
            sentence="The end of the limit was not waited for.",
            advice="Raise `verify.deadline` above the time in `Retry-After`, or limit the test key for a shorter one.",
        ),
    }

    path: str = "/"
    """Path whose limit is examined, such as `/api/orders`; a harmless one, requested with GET."""
    burst: Burst = field(default_factory=Burst)
    """Requests up to the limit; none unless `requests` is set."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError("path: a path starts with one slash")

    @property
    def max_tries(self) -> int | None:
        """A burst is sent once."""
        return 1 if self.burst.requests else None

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Read the fields of a few answers, then send the burst where one is configured."""
        question = replace(self.question(subject, world), service="")
        url = at_path(parts, self.path)
        fields = Fields(question, url, is_enough=not self.burst.requests)
        fields.read()
        faults, measured, facts = list(fields.faults), fields.answered, fields.facts
        sentence = fields.sentence
        if self.burst.requests and fields.answered:
            flood = Flood(question, url, self.burst, limit=fields.reset_seconds)
            flood.send()
            faults += flood.faults
            measured += flood.answered
            facts |= flood.facts
            sentence = flood.sentence
        return conclude(self, faults, sentence=sentence, measured=measured, facts=facts)
