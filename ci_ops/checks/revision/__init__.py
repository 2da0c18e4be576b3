"""Whether every connection is served by the shipped revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._crew import Crew
from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.expect import ANSWER_RULES, NO_ANSWER_RULES, Expectation
from ci_ops.checks._http.jsonpath import parse_path
from ci_ops.checks._http.place import every_address, has_no_way
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.revision.histogram import Histogram, no_revision
from ci_ops.checks.revision.instances import Place, addresses_in, place_of
from ci_ops.checks.revision.source import (
    Source,
    find_source,
    version_source,
)
from ci_ops.checks.revision.spelling import is_known
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_PARALLEL = 16
"""Connections open at the same time: they have to reach busy and idle workers alike."""

_THREE_LINES = """\
Serve the commit at /__version__, here with Flask or FastAPI:
    @app.get("/__version__")
    def version():
        return {"commit": os.environ["GIT_COMMIT"]}
and set GIT_COMMIT to the commit when the release is built."""


@dataclass(frozen=True, kw_only=True)
class Revision(HttpCheck):
    """Every new connection is served by the revision that was shipped.

    The revision is read from `/__version__` (`$.commit`), else from the health
    body's `releaseId`, else from the header `X-Revision`. Connections are
    opened anew, many at once, to every address of the name, or to each of
    `instances`, which finds one that a balancer hides. While an earlier revision
    still answers, the check asks again until the deadline. The kit repeats a
    nonce that stands in each request, which proves that no cache answered;
    where it is not repeated, that is unknown.
    """

    rules: ClassVar[Mapping[str, Rule]] = {
        **NO_ANSWER_RULES,
        **{name: ANSWER_RULES[name] for name in ("status", "aged")},
        "nothing-to-compare": Rule(
            sentence="There is no revision to compare with.",
            advice="Give the shipped commit: `--revision`, or the input `revision: ${{ github.sha }}`.",
        ),
        "stale": Rule(
            sentence="Another revision than the shipped one answers.",
            advice="See which instance was not replaced: a worker that was not reloaded, a node that was missed, "
            "a release that was built from another commit. Where the switch takes longer, raise `verify.deadline`.",
        ),
        "no-instances": Rule(
            sentence="The list of instances is empty.",
            advice="See what the variable holds, or the command that asks the platform for its list; where the "
            "balancer is enough, leave `instances` out.",
        ),
        "missing": Rule(sentence="The service does not report its revision.", advice=_THREE_LINES),
    }

    connections: int = 8
    """How many new connections are opened; every IP address of the name is asked at least once."""
    path: str = "/__version__"
    """Where the service tells its version."""
    json: str = "$.commit"
    """JSON path of the revision in that answer."""
    health_path: str = ""
    """Path of the health address, such as `/healthz`, where the URL is the service's root."""
    header: str = "X-Revision"
    """Response header that is read where no body tells the revision."""
    instances: tuple[str, ...] = ()
    """Instances that are each asked directly, such as `10.0.0.5` or `web-1:8000`.

    An entry may hold the platform's whole list, with blanks or commas between.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            names = parse_path(self.json)
        except ValueError as error:
            raise ValueError(f"json: {error}") from None
        if not names:
            raise ValueError("json: name the member that holds the revision, as in $.commit")
        if not 1 <= self.connections <= 1000:
            raise ValueError("connections: a number from 1 to 1000")
        if not self.path.startswith("/"):
            raise ValueError("path: a path starts with a slash")
        for address in addresses_in(self.instances):
            try:
                place_of(address, "https://service.invalid/")
            except ValueError as error:
                raise ValueError(f"instances: {error}") from None

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Discover the source of the revision, then request it over many new connections."""
        if not is_known(subject.revision):
            return conclude(self, [_nothing_to_compare(subject.revision)], sentence="", measured=0)
        instances = addresses_in(self.instances)
        if self.instances and not instances:
            return conclude(self, [_no_instances()], sentence="", measured=0)
        question = self.question(subject, world)
        own = version_source(parts, self.path, self.json)
        source = find_source(question, parts, own=own, health_path=self.health_path, header=self.header)
        if isinstance(source, HttpError):
            fault = unanswered(world, source, subject=safe_url(own.url))
            return conclude(self, [fault], sentence="", measured=0)
        if isinstance(source, Response):
            return conclude(self, [no_revision(world, safe_url(own.url), source)], sentence="", measured=1)
        histogram = Histogram(subject, world, source, are_instances=bool(instances))
        places = tuple(place_of(each, source.url) for each in instances)
        for address, answer in self._ask_each(question, places) if places else self._sample(question, source):
            histogram.take(address, answer)
        return conclude(
            self,
            histogram.faults(),
            sentence=histogram.sentence,
            measured=histogram.answered,
            facts=histogram.facts,
        )

    def _ask_each(
        self, question: Question, places: tuple[Place, ...]
    ) -> list[tuple[str, Response | HttpError]]:
        """Instance and answer of every connection."""
        return _ask_all(question, _spread(places, max(self.connections, len(places))))

    def _sample(self, question: Question, source: Source) -> list[tuple[str, Response | HttpError]]:
        """Return URL and response of every connection."""
        addresses = every_address(question, source.url, peer=source.peer)
        places = tuple(Place(name=each, url=source.url, connect_to=each) for each in addresses)
        answers = _ask_all(question, _spread(places, max(self.connections, len(places))))
        unasked = {address for address, answer in answers if has_no_way(address, answer)}
        left = tuple(place for place in places if place.name not in unasked)
        if not unasked or not left:
            return answers
        answered = [each for each in answers if each[0] not in unasked]
        missing = max(0, self.connections - len(answered))
        return answered + _ask_all(question, _spread(left, missing))


def _spread(places: tuple[Place, ...], total: int) -> list[Place]:
    return [places[number % len(places)] for number in range(total)]


def _ask_all(question: Question, wanted: list[Place]) -> list[tuple[str, Response | HttpError]]:
    with Crew[str, "Response | HttpError"](min(len(wanted), MAX_PARALLEL), stop=question.world.stop) as crew:
        for place in wanted:
            crew.submit(
                place.name, partial(question.ask, place.url, Expectation(), connect_to=place.connect_to)
            )
        return [crew.next() for _ in wanted]


def _no_instances() -> Fault:
    return Fault(
        rule="no-instances",
        severity=Status.ERROR,
        sentence="",
        expected="at least one address",
        observed="an empty list",
    )


def _nothing_to_compare(revision: str) -> Fault:
    return Fault(
        rule="nothing-to-compare",
        severity=Status.ERROR,
        sentence="",
        expected="a commit of at least seven digits",
        observed=revision[:40] or "nothing",
    )
