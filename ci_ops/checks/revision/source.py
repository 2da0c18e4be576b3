"""The sources from which a service's revision can be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._http.jsonpath import find, read_json
from ci_ops.checks._http.place import find_health
from ci_ops.core.health.document import parse_health
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import at_path

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.checks._http.ask import Question


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One way of reading the revision out of a response."""

    url: str
    path: str = ""
    """JSON path in the body; empty for another way."""
    header: str = ""
    """Response header; empty, like `path`, for the health body's releaseId."""
    peer: str = ""
    """The IP address that answered first; empty behind a proxy."""

    def read(self, answer: Response) -> str:
        """Return the revision in that response; empty when there is none."""
        if self.header:
            return answer.headers.get(self.header.lower(), "").strip()
        if not 200 <= answer.status <= 299:
            return ""
        return _json_text(answer, self.path) if self.path else parse_health(answer.body).release_id


def find_source(
    question: Question, parts: SplitResult, *, own: Source, health_path: str, header: str
) -> Source | Response | HttpError:
    """Return the first source with a revision: the version URL, the health body, the header.

    Without any, the worst response is returned, or that of a gate if there is one; an HttpError
    when the service does not answer.
    """
    first = question.ask(own.url, Expectation())
    if isinstance(first, HttpError):
        return first
    if gate_of(first):
        return first
    if own.read(first):
        return replace(own, peer=first.address)
    place = find_health(question, parts, health_path)
    answer = place.answer if place else None
    if place is not None and answer is None:
        answer = question.ask(place.url, Expectation())
    if place is not None and isinstance(answer, Response):
        for source in (Source(url=place.url), Source(url=place.url, header=header)):
            if source.read(answer):
                return replace(source, peer=answer.address)
    in_header = Source(url=own.url, header=header)
    if in_header.read(first):
        return replace(in_header, peer=first.address)
    looks_worse = isinstance(answer, Response) and (answer.status >= 500 or gate_of(answer))
    return answer if looks_worse and isinstance(answer, Response) else first


def version_source(parts: SplitResult, path: str, json_path: str) -> Source:
    """Return the source at the service's own version URL."""
    return Source(url=at_path(parts, path), path=json_path)


def _json_text(answer: Response, path: str) -> str:
    try:
        value = find(read_json(answer.text), path)
    except ValueError:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()
