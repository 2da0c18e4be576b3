"""Base class of checks that examine the responses of several pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks._http.ask import unanswered
from ci_ops.checks._http.check import HttpCheck
from ci_ops.checks._http.compare import compare
from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import at_path, read_url, safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

ELSEWHERE = Rule(
    sentence="The answer comes from another host.",
    advice="Name paths in `paths` that this service answers itself.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One path of the service, and its response."""

    name: str
    """Its address, fit for reports."""
    answer: Response
    is_https: bool


@dataclass(frozen=True, kw_only=True)
class PagesCheck(HttpCheck):
    """A check of the responses of several pages."""

    after: ClassVar[tuple[str, ...]] = ("revision",)
    expected: ClassVar[Expectation] = Expectation()
    """What a page has to answer before it is examined."""

    paths: tuple[str, ...] = ("/",)
    """Paths whose answers are examined, such as `/login`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.paths:
            raise ValueError("paths: name at least one")
        if any(not path.startswith("/") or path.startswith("//") for path in self.paths):
            raise ValueError("paths: a path starts with one slash")

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Request each page, then examine those that the service itself answered as expected."""
        question = self.question(subject, world, fresh=False)
        faults: list[Fault] = []
        pages: list[Page] = []
        for path in dict.fromkeys(self.paths):
            url = at_path(parts, path)
            name = safe_url(url)
            answer = question.ask(url, self.expected)
            if isinstance(answer, HttpError):
                faults.append(unanswered(world, answer, subject=name))
                continue
            found = list(
                compare(world, answer, self.expected, subject=name, is_deployed=subject.is_revision_live)
            )
            found += _elsewhere(parts, name, answer)
            faults += found
            if not found:
                pages.append(Page(name=name, answer=answer, is_https=read_url(answer.url).scheme == "https"))
        return self.examine(pages, faults, subject, world)

    def examine(self, pages: list[Page], faults: list[Fault], subject: Subject, world: World) -> Result:
        """Return the result for these pages; `faults` are those of the other ones."""
        raise NotImplementedError

    def concluded(
        self, pages: list[Page], faults: list[Fault], *, sentence: str, facts: dict[str, Any] | None = None
    ) -> Result:
        """Return the result of these faults, with the number of measured pages."""
        return conclude(self, faults, sentence=sentence, measured=len(pages), facts=facts)


def _elsewhere(parts: SplitResult, name: str, answer: Response) -> Iterator[Fault]:
    host = read_url(answer.url).hostname
    if host != parts.hostname:
        yield Fault(
            rule="elsewhere",
            severity=Status.ERROR,
            sentence=f"{name} leads to {host}, so this service did not answer it.",
            expected=f"an answer of {parts.hostname}",
            observed=safe_url(answer.url),
            subject=name,
        )
