"""Writing of health documents in the format health+json.

Source: draft-inadarei-api-health-check-06.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci_ops.core.health.status import Status, worst
from ci_ops.core.health.words import health_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.core.health.document import Component

MEDIA_TYPE = "application/health+json"


def build_health(
    components: Iterable[Component],
    *,
    status: Status | None = None,
    age_seconds: float | None = None,
    members: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a health+json document of these components, ready for JSON.

    The status is the worst one unless given; no component at all is a pass.
    `members` are further strings of the document (`releaseId`, `version`,
    `serviceId`, `description`, `output`); empty ones are left out.
    """
    listed = tuple(components)
    overall = status or worst(one.status for one in listed) or Status.PASS
    document: dict[str, Any] = {"status": health_word(overall)}
    document.update({name: value for name, value in (members or {}).items() if value})
    if age_seconds is not None:
        document["ageSeconds"] = round(age_seconds, 3)
    checks: dict[str, list[dict[str, Any]]] = {}
    for one in listed:
        checks.setdefault(one.name, []).append(_entry(one))
    if checks:
        document["checks"] = checks
    return document


def encode_health(document: Mapping[str, Any]) -> bytes:
    """Return the document as compact UTF-8 JSON with a trailing newline.

    A lone surrogate, as in an undecodable variable, becomes a question mark.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"


def rfc3339(moment: datetime) -> str:
    """Return the time as RFC 3339 in UTC with milliseconds, such as `2027-01-31T08:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(one: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {"status": health_word(one.status)}
    if one.component_type:
        entry["componentType"] = one.component_type
    if one.observed_value is not None:
        entry["observedValue"] = one.observed_value
    if one.observed_unit:
        entry["observedUnit"] = one.observed_unit
    if one.affected_endpoints:
        entry["affectedEndpoints"] = list(one.affected_endpoints)
    if one.observed_at is not None:
        entry["time"] = rfc3339(one.observed_at)
    if one.output and one.status is not Status.PASS:  # section 4.8: omitted for pass
        entry["output"] = one.output
    return entry
