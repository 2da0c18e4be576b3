"""Whether many URLs answer as expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks._crew import Crew
from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.compare import compare
from ci_ops.checks._http.expect import ANSWER_RULES, Expectation
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.weburl import at_path, origin_of, read_url, safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_PARALLEL = 256
MAX_CONNECTIONS = 100
MAX_SLOWEST = 5


@dataclass(frozen=True, kw_only=True)
class Endpoints(HttpCheck):
    """A list of paths answers as expected, many at once."""

    after: ClassVar[tuple[str, ...]] = ("revision",)
    rules: ClassVar[Mapping[str, Rule]] = ANSWER_RULES

    paths: Mapping[str, Expectation]
    """Path (with query) or full address to what it has to answer: `{/cart: {status: 200}}`; by default a 2xx.

    A full address, such as an asset's at a CDN, gets no credentials unless it
    is the service's own.
    """
    connections: int = 1
    """New connections that ask each path; more than one finds a fleet that is only partly broken."""
    parallel: int = 32
    """How many are asked at the same time, 1 to 256."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths:
            raise ValueError("paths: name at least one")
        for path in self.paths:
            _check_path(path)
        if not 1 <= self.connections <= MAX_CONNECTIONS:
            raise ValueError(f"connections: a number from 1 to {MAX_CONNECTIONS}")
        if not 1 <= self.parallel <= MAX_PARALLEL:
            raise ValueError(f"parallel: a number from 1 to {MAX_PARALLEL}")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Request all of them and compare each response with its expectation."""
        question = self.question(subject, world, fresh=self.connections > 1)
        urls = {path: at_path(parts, path) if path.startswith("/") else path for path in self.paths}
        answers = self._ask_all(question, parts, urls)
        faults = [
            fault
            for path in self.paths
            for fault in self._judge_all(subject, world, path, urls[path], answers[path])
        ]
        return self._conclude(answers, faults)

    def _ask_all(
        self, question: Question, parts: SplitResult, urls: Mapping[str, str]
    ) -> dict[str, list[Response | HttpError]]:
        """Return the responses of every path, one for each connection."""
        foreign = replace(question, headers={})
        asking = {path: question if _is_own(parts, url) else foreign for path, url in urls.items()}
        answers: dict[str, list[Response | HttpError]] = {path: [] for path in urls}
        keys = [(path, number) for number in range(self.connections) for path in urls]
        size = min(self.parallel, len(keys))
        with Crew[tuple[str, int], "Response | HttpError"](size, stop=question.world.stop) as crew:
            for key in keys:
                crew.submit(key, partial(asking[key[0]].ask, urls[key[0]], self.paths[key[0]]))
            for _ in keys:
                (path, _number), answer = crew.next()
                answers[path].append(answer)
        return answers

    def _judge_all(
        self, subject: Subject, world: World, path: str, url: str, answers: list[Response | HttpError]
    ) -> Iterator[Fault]:
        """Yield each kind of fault once, with the number of connections that showed it."""
        groups: dict[tuple[str, str], list[Fault]] = {}
        for answer in answers:
            for fault in self._judge(subject, world, path, url, answer):
                groups.setdefault((fault.rule, fault.sentence), []).append(fault)
        for faults in groups.values():
            first = faults[0]
            many = f"{first.sentence.rstrip('.')}, on {len(faults)} of {self.connections} new connections."
            yield first if self.connections == 1 else replace(first, sentence=many)

    def _judge(
        self, subject: Subject, world: World, path: str, url: str, answer: Response | HttpError
    ) -> Iterator[Fault]:
        name = safe_url(url)
        if isinstance(answer, HttpError):
            yield unanswered(world, answer, subject=name)
        else:
            expected = self.paths[path]
            yield from compare(world, answer, expected, subject=name, is_deployed=subject.is_revision_live)

    def _conclude(self, answers: Mapping[str, list[Response | HttpError]], faults: list[Fault]) -> Result:
        seconds = {
            path: [each.seconds for each in given if isinstance(each, Response)]
            for path, given in answers.items()
        }
        answered = {path: max(each) for path, each in seconds.items() if each}
        times = sorted(each for given in seconds.values() for each in given) or [0.0]
        slowest = sorted(answered, key=lambda path: answered[path], reverse=True)[:MAX_SLOWEST]
        facts: dict[str, Any] = {
            "endpoints": len(self.paths),
            "answered": len(answered),
            "seconds": {"median": median(times), "max": times[-1]},
            "slowest": {path.partition("?")[0]: answered[path] for path in slowest},
        }
        many, first = len(self.paths) > 1, next(iter(self.paths)).partition("?")[0]
        count = f"All {len(self.paths)} endpoints answer" if many else f"{first} answers"
        sentence = f"{count} as expected, the slowest in {format_duration(times[-1])}."
        return conclude(
            self, faults, sentence=sentence, measured=sum(map(len, seconds.values())), facts=facts
        )


def _check_path(path: str) -> None:
    """Raise ValueError unless it is a path or a URL."""
    if path.startswith("//"):
        raise ValueError("paths: a path starts with one slash")
    if not path.startswith("/"):
        try:
            read_url(path)
        except ValueError as error:
            raise ValueError(f"paths: {error}; a path starts with a slash") from None


def _is_own(parts: SplitResult, url: str) -> bool:
    return origin_of(read_url(url)) == origin_of(parts)
