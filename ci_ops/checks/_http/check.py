"""Base classes of the checks that request a live service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ci_ops.checks._http.ask import Question, no_address
from ci_ops.checks._verdict import conclude
from ci_ops.core.fields import Secret
from ci_ops.core.plugin import Check, Phase
from ci_ops.core.text.weburl import header_problem, read_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


class UrlCheck(Check):
    """A check of the URL of a live service."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.VERIFY})

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Parse the URL, then verify the service behind it."""
        try:
            parts = read_url(subject.url)
        except ValueError as error:
            yield conclude(self, [no_address(str(error))], sentence="", measured=0)
            return
        yield self.verify(parts, subject, world)

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """Return the result of one measurement of the service behind that URL."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class HttpCheck(UrlCheck):
    """A check that sends HTTP requests."""

    send_headers: Mapping[str, Secret] = field(default_factory=dict)
    """Request headers, such as `Authorization: ${API_TOKEN}`; never shown."""
    cache_busting: bool = True
    """Add a random query value, so that no cache can answer."""

    def __post_init__(self) -> None:
        for name, value in self.send_headers.items():
            if problem := header_problem(name, value.reveal()):
                raise ValueError(f"send-headers: {problem}")

    def question(self, subject: Subject, world: World, *, fresh: bool = True) -> Question:
        """Return this check's request settings; by default with a new connection each time."""
        return Question(
            world=world,
            timeout_seconds=subject.timeout_seconds,
            headers=self.send_headers,
            fresh=fresh,
            busts_caches=self.cache_busting,
            servers=subject.servers,
            pace=subject.pace,
            deadline=subject.deadline,
            service=subject.url,
            was_blocked=subject.was_blocked,
        )
