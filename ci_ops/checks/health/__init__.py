"""Whether the service reports that it is healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.expect import ANSWER_RULES, Expectation
from ci_ops.checks._http.place import Place, every_address, find_health, has_no_way, no_place
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.health.samples import Samples
from ci_ops.core.fields import Duration
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.weburl import HEALTH_PATHS, is_open, safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.checks._http.ask import Question
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Health(Expectation, HttpCheck):
    """The service says that it is healthy, several times in a row.

    An address with a path is asked as typed. Without one, /health/ready,
    /healthz, /health, /__heartbeat__, /up and / are tried, and the first that
    answers 2xx is used and named.

    Words in the body count: pass, ok, up, healthy; warn, degraded; fail,
    error, down, unhealthy; of every component too. Other text passes on its
    HTTP status alone, and the result says so. A page of HTML, such as the
    index of a single-page application or a sign-in, is a warning; a failure
    where the address answered a health document before.

    Source: draft-inadarei-api-health-check-06.
    """

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = {
        **ANSWER_RULES,
        "not-found": Rule(
            sentence="None of the usual health addresses answers 2xx.",
            advice="Name the health address in the URL, such as https://shop.example.com/health/ready.",
        ),
        "unhealthy": Rule(
            sentence="The service says that it is not healthy.",
            advice="Fix the components it names; its own log says more.",
        ),
        "degraded": Rule(
            sentence="The service says that it is degraded.",
            advice="Look at the components it names before they fail.",
        ),
        "unknown-word": Rule(
            sentence="The health body has no recognised status.",
            advice="Answer `status` with pass, warn or fail; or set `body: any` and assert with `json`.",
        ),
        "page": Rule(
            sentence="The health address answers a page of HTML.",
            advice="Name the health route in `path` or the URL and see that the proxy sends it to the application; "
            "where the page is meant, set `body: any`.",
        ),
        "shallow": Rule(
            sentence="Only an ordinary page answers, which says little about the service.",
            advice="Add a health route that tries the database and other dependencies, and name it in the URL.",
        ),
        "no-dependencies": Rule(
            sentence="The health body names no dependency.",
            advice="Report the database and other dependencies as components of the health body.",
        ),
        "unencrypted": Rule(
            sentence="Requests leave this machine unencrypted, over http://.",
            advice="Use the https:// address.",
        ),
    }

    path: str = ""
    """Path of the health address, such as `/healthz`, where the URL is the service's root."""
    successes: int = 3
    """How many good answers in a row are needed, each over a new connection; every IP address is asked."""
    interval: Duration = 0.25
    """Pause between these answers."""
    max_retries: int | None = None
    """How often a bad answer is asked again at most; without it, until the deadline."""
    body: Literal["auto", "health", "any"] = "auto"
    """`auto` reads a health document and warns of a page of HTML; `health` fails for one; `any` reads no body."""
    require_dependencies: bool = False
    """Warn when the body names no dependency, as a constant answer does."""

    def __post_init__(self) -> None:
        Expectation.__post_init__(self)
        HttpCheck.__post_init__(self)
        if self.successes < 1:
            raise ValueError("successes: at least one answer is needed")
        if self.max_retries is not None and self.max_retries < 0:
            raise ValueError("max-retries: the number of repetitions is not negative")

    @property
    def max_tries(self) -> int | None:
        """The first try and the retries."""
        return None if self.max_retries is None else self.max_retries + 1

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Discover the URL, then request it several times in a row."""
        question = self.question(subject, world)
        place = find_health(question, parts, self.path)
        if place is None:
            fault = replace(no_place(safe_url(subject.url)), lasting=subject.is_revision_live)
            return conclude(self, [fault], sentence="", measured=len(HEALTH_PATHS))
        samples = self._look(question, place, subject)
        if is_open(parts) and samples.answers:
            samples.faults.append(
                Fault(rule="unencrypted", severity=Status.WARN, sentence="", subject=safe_url(place.url))
            )
        return samples.result(self, world)

    def _look(self, question: Question, place: Place, subject: Subject) -> Samples:
        samples = Samples(place, self, subject)
        first = question.ask(place.url, self)
        samples.take(question.world, first)
        if isinstance(first, HttpError):
            return samples
        known, *unasked = every_address(question, place.url, peer=first.address)
        good = [known]
        while not samples.is_bad and (unasked or len(samples.answers) < self.successes):
            question.world.clock.sleep(self.interval)
            is_new = bool(unasked)
            address = unasked.pop(0) if is_new else good[len(samples.answers) % len(good)]
            answer = question.ask(place.url, self, connect_to=address)
            if is_new and has_no_way(address, answer):
                continue
            samples.take(question.world, answer, address)
            good += [address] if is_new else []
        return samples
