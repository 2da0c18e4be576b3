"""Several samples of one health URL, and their common result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.checks._http.ask import unanswered
from ci_ops.checks._http.compare import compare
from ci_ops.checks._http.page import page_in
from ci_ops.checks._verdict import HAS_DOCUMENT_FACT, Fault, conclude, evidence
from ci_ops.core.health.document import HealthDocument, parse_health
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks._http.place import Place
    from ci_ops.checks.health import Health
    from ci_ops.core.plugin import Check
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

MAX_COMPONENTS_LISTED = 5
MAX_COMPONENTS_STORED = 50


class Samples:
    """Several samples of one health URL."""

    def __init__(self, place: Place, expected: Health, subject: Subject) -> None:
        self.place = place
        self.expected = expected
        self.reads_body = expected.body != "any"
        self.wants_dependencies = expected.require_dependencies
        self.has_to_be_document = subject.had_health_document or expected.body == "health"
        """A page of HTML fails, because the service has a health document or the user says so."""
        self.is_deployed = subject.is_revision_live
        self.name = safe_url(place.url)
        self.answers: list[Response] = []
        self.faults: list[Fault] = []
        self.document: HealthDocument | None = None
        if place.is_shallow:
            self.faults.append(
                Fault(
                    rule="shallow",
                    severity=Status.WARN,
                    sentence=f"Only {self.name} answers, an ordinary page.",
                    subject=self.name,
                )
            )

    @property
    def _median_seconds(self) -> float:
        times = [each.seconds for each in self.answers]
        if len(times) == 1:
            return times[0]
        from statistics import median  # noqa: PLC0415 - loads fractions and decimal, and most ask once

        return median(times)

    @property
    def is_bad(self) -> bool:
        """True when a fault decides against the service."""
        return any(not fault.severity.is_good for fault in self.faults)

    def take(self, world: World, answer: Response | HttpError, address: str = "") -> None:
        """Add one response."""
        where = f" at {address}" if address else ""
        if isinstance(answer, HttpError):
            self._add(unanswered(world, answer, subject=self.name), where)
            return
        self.answers.append(answer)
        document = parse_health(answer.body)
        faults = list(compare(world, answer, self.expected, subject=self.name, is_deployed=self.is_deployed))
        page = page_in(world, answer) if self._looks_for_pages and not faults else ""
        if page:
            faults.append(self._page_fault(page))
        is_read = (
            self.reads_body
            and not page
            and (document.status is not Status.ERROR or _is_document(answer))
            and not any(fault.rule == "gate" for fault in faults)
        )
        if is_read and not (self.place.is_shallow and document.status is Status.ERROR):
            self.document = document
            faults = [_with_components(world, fault, document) for fault in faults]
            if not any(fault.rule in {"status", "redirected"} for fault in faults):
                faults += _said_faults(world, document, subject=self.name, max_age=self.expected.max_age)
        if self.wants_dependencies and (self.document is None or self.document.is_shallow):
            faults.append(Fault(rule="no-dependencies", severity=Status.WARN, sentence="", subject=self.name))
        for fault in faults:
            self._add(fault, where)

    @property
    def _looks_for_pages(self) -> bool:
        """True unless the user asserts the body, or an ordinary page was already discovered."""
        is_asserted = self.expected.matches or self.expected.json
        return self.reads_body and not is_asserted and not self.place.is_shallow

    def _page_fault(self, page: str) -> Fault:
        fails = self.has_to_be_document or self.document is not None
        return Fault(
            rule="page",
            severity=Status.FAIL if fails else Status.WARN,
            sentence=f"{self.name} answers {page}, which says nothing about the service's health.",
            expected="a health document",
            observed=page,
            subject=self.name,
            transient=True,
        )

    def _add(self, fault: Fault, where: str) -> None:
        """Keep one fault per rule and subject: repeating a warning adds nothing."""
        if any((fault.rule, fault.subject) == (other.rule, other.subject) for other in self.faults):
            return
        self.faults.append(replace(fault, observed=f"{fault.observed}{where}"))

    def result(self, check: Check, world: World) -> Result:
        """Return the result of all samples."""
        sentence = ""
        if self.answers:
            last, seconds = self.answers[-1], format_duration(self._median_seconds)
            times = f" {len(self.answers)} times in a row" if len(self.answers) > 1 else ""
            sentence = f"{self.name} answers with status {last.status}{times}, in {seconds}{_passed(last)}."
            if self.document is None:
                kind = "no health document" if last.text.strip() else "empty"
                sentence += f" The body is {kind}: the status decided."
        return conclude(
            check, self.faults, sentence=sentence, measured=len(self.answers), facts=self._facts(world)
        )

    def _facts(self, world: World) -> dict[str, Any]:
        facts: dict[str, Any] = {"url": self.name, "answers": len(self.answers)}
        if self.answers:
            times = sorted(each.seconds for each in self.answers)
            facts["seconds"] = {"min": times[0], "median": self._median_seconds, "max": times[-1]}
            facts["final_url"] = safe_url(self.answers[-1].url)
        if self.document is not None:
            facts[HAS_DOCUMENT_FACT] = self.document.status is not Status.ERROR
            facts["said"] = evidence(world, self.document.word, 40)
            components = self.document.components[:MAX_COMPONENTS_STORED]
            facts["components"] = {evidence(world, one.name, 60): str(one.status) for one in components}
        return facts


def _passed(answer: Response) -> str:
    """Return the followed redirects as the end of a sentence."""
    return f", after a redirect to {safe_url(answer.url)}" if answer.redirects else ""


def _is_document(answer: Response) -> bool:
    """Return True when the body is meant to be JSON, so that it must be valid."""
    is_named_json = "json" in answer.headers.get("content-type", "").lower()
    text = answer.text.lstrip("\ufeff \t\r\n")
    return bool(text) and (is_named_json or text[0] in '{["')


def _told(document: HealthDocument) -> str:
    """Return the components that are not passing, the worst first."""
    components = [
        f"{one.name}: {one.word or one.status}" + (f" ({one.output[:120]})" if one.output else "")
        for one in document.not_passing
    ]
    more = (
        f", and {len(components) - MAX_COMPONENTS_LISTED} more"
        if len(components) > MAX_COMPONENTS_LISTED
        else ""
    )
    return ", ".join(components[:MAX_COMPONENTS_LISTED]) + more or document.word


def _with_components(world: World, fault: Fault, document: HealthDocument) -> Fault:
    """Return the fault of a wrong HTTP status, explained by the body."""
    if fault.rule != "status" or not document.not_passing:
        return fault
    status = fault.observed.partition(":")[0]
    return replace(fault, observed=f"{status}: {evidence(world, _told(document))}")


def _said_faults(world: World, document: HealthDocument, *, subject: str, max_age: float) -> Iterator[Fault]:
    """Return the faults that the service itself reports."""
    text = evidence(world, _told(document))
    if document.status is Status.ERROR:
        yield Fault(
            rule="unknown-word",
            severity=Status.ERROR,
            sentence=f"The health body of {subject} is not understood: {evidence(world, document.problem, 120)}.",
            expected="a health word: pass, warn or fail",
            observed=evidence(world, document.word) or text,
            subject=subject,
            transient=True,
        )
    elif document.status is not Status.PASS:
        is_warning = document.status is Status.WARN
        yield Fault(
            rule="degraded" if is_warning else "unhealthy",
            severity=Status.WARN if is_warning else Status.FAIL,
            sentence=f"{subject} says {evidence(world, document.word, 40) or document.status}.",
            expected="pass",
            observed=text,
            subject=subject,
            transient=True,
        )
    if int(document.age_seconds or 0) > max_age:
        yield Fault(
            rule="aged",
            severity=Status.FAIL,
            sentence=f"{subject} answers what it measured {format_duration(document.age_seconds or 0)} ago.",
            expected=f"an answer no older than {format_duration(max_age)}",
            observed=format_duration(document.age_seconds or 0),
            subject=subject,
            transient=True,
        )
