"""The report as JSON, in a published and versioned schema.

The schema is `templates/schemas/report-1.schema.json`; its number is the document's `schema`.
Fields may be added within a version, but none are removed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.core.plugin import Format

if TYPE_CHECKING:
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Json(Format):
    """The report as JSON, in a published and versioned schema."""

    extension: ClassVar[str] = ".json"

    def render(self, report: Report, templates: Templates) -> str:
        """Return an indented document in ASCII, with `##[` escaped against the runner."""
        del templates
        text = json.dumps(plain(report.to_json()), indent=2, ensure_ascii=True, allow_nan=False)
        return text.replace("##[", "#\\u0023[") + "\n"


def plain(value: Any) -> Any:
    """Return the value as JSON types: non-finite numbers become null, unknown types text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
