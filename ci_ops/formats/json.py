"""The report for machines: JSON in a published, versioned form.

The form is `templates/schemas/report-1.schema.json`; its number is the
document's `schema`. New fields may come within a version, none go.
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
    """The report for machines: JSON in a published, versioned form."""

    extension: ClassVar[str] = ".json"

    def render(self, report: Report, templates: Templates) -> str:
        """One indented document in ASCII.

        `##[` is written so that no runner obeys it.
        """
        del templates
        text = json.dumps(plain(report.to_json()), indent=2, ensure_ascii=True, allow_nan=False)
        return text.replace("##[", "#\\u0023[") + "\n"


def plain(value: Any) -> Any:
    """The value in what JSON knows.

    Endless numbers become null, other things text.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
