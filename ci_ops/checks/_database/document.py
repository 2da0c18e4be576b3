"""What the service's health document says of its databases and migrations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.checks._http.ask import Question, unanswered
from ci_ops.checks._http.compare import compare
from ci_ops.checks._http.expect import ANY_ANSWER
from ci_ops.checks._http.jsonpath import MISSING, find, read_json
from ci_ops.checks._http.place import find_health, no_place
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.document import Component, HealthDocument, parse_health, read_health
from ci_ops.core.health.status import Status
from ci_ops.core.health.words import component_status
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import safe_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.core.ports.world import World

_DATABASE = re.compile(
    r"(?:^|[^a-z])(?:database|db|datasource|postgres(?:ql)?|pg|psycopg|mysql|mariadb|sqlite|oracle|mssql|sqlserver|"
    r"mongo(?:db)?|cockroach(?:db)?|sqlalchemy|aurora|rds)(?:$|[^a-z])"
)
"""A name that says database. Source: health indicators of Spring Boot, ASP.NET, django-health-check."""
_OTHER_STORE = re.compile(
    r"redis|memcache|cache|queue|broker|kafka|rabbit|elastic|search|s3|storage|disk|migration"
)
MIGRATIONS = re.compile(r"(?:^|[^a-z])(?:migrations?|alembic|schema)(?:$|[^a-z])")
"""A name that says migrations; `migrations` is the kit's."""


def is_database(component: Component) -> bool:
    """Return True for a component that is a database: by its name, or as a datastore that is nothing else."""
    name = component.name.lower()
    if MIGRATIONS.search(name):
        return False
    is_named = _DATABASE.search(name) is not None
    return is_named or (component.component_type == "datastore" and _OTHER_STORE.search(name) is None)


@dataclass(kw_only=True, slots=True)
class Reading:
    """The health document as it was read, or the faults that kept it from being read."""

    name: str
    """The address, fit for reports."""
    document: HealthDocument | None = None
    answer: Response | None = None
    faults: list[Fault] = field(default_factory=list)

    def at(self, path: str) -> Component | None:
        """Return the component at a JSON path of the body; None where it leads nowhere."""
        assert self.answer is not None
        try:
            value = find(read_json(self.answer.text), path)
        except ValueError:
            return None
        if value is MISSING:
            return None
        if isinstance(value, dict):
            parts = read_health({"checks": {path: value}}).components
            return next((one for one in parts if one.name == path), None)
        return Component(name=path, status=component_status(value), word=str(value)[:40])


def read_document(question: Question, parts: SplitResult, *, path: str) -> Reading:
    """Request the health address, and read its document whatever the status."""
    place = find_health(question, parts, path)
    if place is None:
        name = safe_url(parts.geturl())
        return Reading(name=name, faults=[no_place(name)])
    reading = Reading(name=safe_url(place.url))
    answer = question.ask(place.url, ANY_ANSWER) if place.answer is None else place.answer
    if isinstance(answer, HttpError):
        reading.faults.append(unanswered(question.world, answer, subject=reading.name))
        return reading
    reading.answer = answer
    reading.faults += compare(question.world, answer, ANY_ANSWER, subject=reading.name)
    if reading.faults:
        return reading
    document = parse_health(answer.body)
    if document.components or document.checked or document.status is not Status.ERROR:
        reading.document = document
    else:
        reading.faults.append(_no_document(question.world, reading.name, answer, document))
    return reading


def _no_document(world: World, name: str, answer: Response, document: HealthDocument) -> Fault:
    if answer.status >= 400:
        return Fault(
            rule="status",
            severity=Status.FAIL,
            sentence=f"{name} answers {answer.status}.",
            expected="a health document",
            observed=evidence(world, f"{answer.status}: {answer.text}", 160),
            subject=name,
            transient=True,
        )
    return Fault(
        rule="no-document",
        severity=Status.ERROR,
        sentence=f"{name} answers no health document: {evidence(world, document.problem, 120)}.",
        expected="a health document",
        observed=evidence(world, answer.text, 160) or "an empty body",
        subject=name,
        transient=True,
    )
