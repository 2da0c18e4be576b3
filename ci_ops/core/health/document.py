"""Strict parsing of health documents.

`parse_health` accepts `application/health+json`, the documents of Actuator, MicroProfile,
Dockerflow and ASP.NET, flat maps such as `{"status": "ok", "database": "degraded"}`, and one plain
word. The worst statement decides, and an unknown word is an error, never a pass.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ci_ops.core.health.status import Status, worst
from ci_ops.core.health.words import component_status, health_status
from ci_ops.core.text.lines import encodable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT_LENGTH = 300
MAX_COMPONENTS = 200
"""More are cut and leave an error behind, so that nothing bad hides behind the cut."""

_MAX_DEPTH = 6
_STRICT = ("checks", "components", "dependencies")
"""Here every member is a statement on health."""
_LOOSE = ("details", "entries", "results", "services")
"""Here statements stand among free data."""
_OVERALL = ("status", "state", "health", "result")
_FLAGS = ("healthy", "ok", "success")
_DEPENDENCIES = frozenset(
    {"broker", "cache", "celery", "database", "db", "disk", "elasticsearch", "email", "kafka", "mail"}
    | {"memcached", "migrations", "mongo", "mongodb", "mysql", "postgres", "postgresql", "queue", "rabbitmq"}
    | {"redis", "s3", "scheduler", "search", "smtp", "storage", "twilio", "worker", "workers"},
)
_LABELS = frozenset(
    {"version", "releaseId", "release_id", "release", "commit", "build", "serviceId", "service_id", "service"}
    | {
        "name",
        "description",
        "notes",
        "output",
        "time",
        "timestamp",
        "date",
        "environment",
        "env",
        "hostname",
    }
    | {"host", "instance", "message", "uptime", "links", "id"},
)
_NOTHING_KNOWN = "the body is neither a health document nor a health word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """The health of one component of the service."""

    name: str
    """As in the document; nested parts are joined by a slash."""
    status: Status
    word: str = ""
    """The word as the service wrote it; empty when the component is ours."""
    output: str = ""
    """The service's own explanation, cut; a hostile string until it is redacted and escaped."""
    component_type: str = ""
    """`component`, `datastore` or `system`."""
    observed_value: float | str | None = None
    observed_unit: str = ""
    observed_at: datetime | None = None
    affected_endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthDocument:
    """A health document reduced to what decisions need."""

    status: Status
    """The worst of the stated status and of every component; error when no word was understood."""
    word: str = ""
    """The overall word as written; empty when the document states none."""
    components: tuple[Component, ...] = ()
    release_id: str = ""
    version: str = ""
    output: str = ""
    age_seconds: float | None = None
    """How old the measurement is when the service says so; None when it does not."""
    checked: int = 0
    """How many checks the service says it ran without naming them, because details are kept from us."""
    problem: str = ""
    """Why the answer, or a part of it, could not be read; empty when it could."""

    @property
    def is_shallow(self) -> bool:
        """True when no dependency was checked: the answer only proves that a process runs."""
        return not self.components and self.checked <= 0

    @property
    def not_passing(self) -> tuple[Component, ...]:
        """The components that do not pass: fail, error, warn, then skip."""
        order = (Status.FAIL, Status.ERROR, Status.WARN, Status.SKIP)
        return tuple(one for status in order for one in self.components if one.status is status)


def parse_health(body: bytes | str) -> HealthDocument:
    """Parse a health response; never raises, whatever the bytes are."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = text.removeprefix("\ufeff").strip()
    if not text:
        return _unreadable("the body is empty")
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except _TwiceError as error:
        return _unreadable(f"the key {_cut(str(error))!r} stands twice in one object")
    except (ValueError, RecursionError):
        return _of_word(text)
    return read_health(value)


def read_health(value: object) -> HealthDocument:
    """Return the health in a parsed response: a word, a map or a list of checks."""
    if isinstance(value, str):
        return _of_word(value)
    if isinstance(value, list):
        value = {"checks": value}
    return _of_map(value) if isinstance(value, dict) else _unreadable(_NOTHING_KNOWN)


class _TwiceError(ValueError):
    """A duplicate key: readers disagree on which of its values counts."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise _TwiceError(key)
        members[key] = value
    return members


def _unreadable(problem: str, word: str = "") -> HealthDocument:
    return HealthDocument(status=Status.ERROR, problem=problem, word=word)


def _of_word(text: str) -> HealthDocument:
    status = health_status(text)
    if status in {Status.ERROR, Status.SKIP}:
        return _unreadable(_NOTHING_KNOWN, _cut(text))
    return HealthDocument(status=status, word=_cut(text.strip()))


def _of_map(body: dict[str, Any]) -> HealthDocument:
    overall = next((key for key in _OVERALL if isinstance(body.get(key), str | bool)), "")
    stated = [component_status(body[key]) for key in _FLAGS if isinstance(body.get(key), bool)]
    if overall:
        word = body[overall]
        stated.append(component_status(word) if isinstance(word, bool) else health_status(word))
    components = _limited(_parts(body, has_overall=bool(stated), overall=overall))
    status = worst([*stated, *(one.status for one in components)])
    problem = _problem(stated, components)
    return HealthDocument(
        status=Status.ERROR if status is None or status is Status.SKIP else status,
        word=_word(body[overall]) if overall else "",
        components=components,
        release_id=_text(body, "releaseId", "release_id"),
        version=_text(body, "version"),
        output=_text(body, "output"),
        age_seconds=_number(body.get("ageSeconds")),
        checked=int(_number(body.get("checked")) or 0),
        problem=problem,
    )


def _problem(stated: list[Status], components: tuple[Component, ...]) -> str:
    statuses = [*stated, *(one.status for one in components)]
    if all(status is Status.SKIP for status in statuses):
        return "the document states no health word"
    if Status.ERROR in stated:
        return "the overall status is not a health word"
    unread = ", ".join(one.name for one in components if one.status is Status.ERROR)
    return _cut(f"no health word for: {unread}") if unread else ""


def _parts(body: dict[str, Any], *, has_overall: bool, overall: str) -> list[Component]:
    found: list[Component] = []
    for group in _STRICT:
        found += _of_group(body.get(group), "", 0, strict=True)
    for group in _LOOSE:
        found += _of_group(body.get(group), "", 0, strict=False)
    known = {overall, *_FLAGS, *_STRICT, *_LOOSE, *_LABELS}
    plain = {key: value for key, value in body.items() if key not in known}
    # Without an overall status the plain members are all there is: then each has to be a health word.
    for key, value in plain.items():
        if has_overall or not isinstance(value, str):
            found += _loose_entry(key, value, 0)
        else:
            found += _of_entry(key, value, 0)
    return found


def _of_group(group: Any, prefix: str, depth: int, *, strict: bool) -> list[Component]:
    if not isinstance(group, dict | list):
        return []
    if depth >= _MAX_DEPTH:
        return [Component(name=_cut(prefix), status=Status.ERROR, output="nested too deeply to be read")]
    pairs: Iterable[tuple[str, Any]] = (
        group.items()
        if isinstance(group, dict)
        else ((_label(entry, index), entry) for index, entry in enumerate(group))
    )
    read = _of_entry if strict else _loose_entry
    found: list[Component] = []
    for name, entry in pairs:
        for one in entry if isinstance(entry, list) else [entry]:
            found += read(f"{prefix}{name}", one, depth)
    return found


def _loose_entry(name: str, entry: Any, depth: int) -> list[Component]:
    """Return an entry that is counted only with a health word or the name of a usual dependency."""
    if isinstance(entry, dict):
        is_statement = any(isinstance(entry.get(key), str | bool) for key in _OVERALL)
    elif depth > 0:
        is_statement = False  # free data of a part, such as `details: {"database": "PostgreSQL"}`
    else:
        is_usual = name.casefold() in _DEPENDENCIES
        is_word = isinstance(entry, str) and component_status(entry) is not Status.ERROR
        is_statement = is_word or (is_usual and isinstance(entry, str | bool))
    return _of_entry(name, entry, depth) if is_statement else []


def _of_entry(name: str, entry: Any, depth: int) -> list[Component]:
    name = _cut(name)
    if not isinstance(entry, dict):
        return [Component(name=name, status=component_status(entry), word=_word(entry))]
    word = next((entry[key] for key in _OVERALL if isinstance(entry.get(key), str | bool)), None)
    nested: list[Component] = []
    for group in (*_STRICT, *_LOOSE):
        nested += _of_group(entry.get(group), f"{name}/", depth + 1, strict=group in _STRICT)
    if word is None and (nested or "observedValue" in entry):  # an observation without a verdict
        return nested
    return [_component(name, word, entry), *nested]


def _component(name: str, word: object, entry: dict[str, Any]) -> Component:
    value = entry.get("observedValue")
    endpoints = entry.get("affectedEndpoints")
    return Component(
        name=name,
        status=component_status(word),
        word=_word(word),
        output=_text(entry, "output", "error", "message"),
        component_type=_text(entry, "componentType"),
        observed_value=_cut(value) if isinstance(value, str) else _number(value),
        observed_unit=_text(entry, "observedUnit"),
        observed_at=_moment(entry.get("time")),
        affected_endpoints=tuple(_cut(str(one)) for one in endpoints) if isinstance(endpoints, list) else (),
    )


def _limited(components: list[Component]) -> tuple[Component, ...]:
    unique = tuple(dict.fromkeys(components))
    if len(unique) <= MAX_COMPONENTS:
        return unique
    unread = f"{len(unique) - MAX_COMPONENTS} components were not read"
    return (*unique[:MAX_COMPONENTS], Component(name="…", status=Status.ERROR, output=unread))


def _label(entry: Any, index: int) -> str:
    names = ("name", "id", "component", "check", "componentId")
    found = (
        [entry[key] for key in names if isinstance(entry.get(key), str)] if isinstance(entry, dict) else []
    )
    return found[0] if found else str(index + 1)


def _word(word: object) -> str:
    if isinstance(word, str):
        return _cut(word.strip())
    is_scalar = word is None or isinstance(word, bool | int | float)
    return _cut(json.dumps(word)) if is_scalar else type(word).__name__


def _text(entry: dict[str, Any], *keys: str) -> str:
    return next((_cut(entry[key].strip()) for key in keys if isinstance(entry.get(key), str)), "")


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) < float("inf") else None


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None


def _cut(text: str) -> str:
    text = encodable(text)  # JSON can spell half a character, which no file takes
    return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1] + "…"
