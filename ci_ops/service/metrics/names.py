"""Valid names of metrics and labels, and escaped label values.

Source: the Prometheus data model (metric and label names), and the text
exposition format 0.0.4 (escaping).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.lines import encodable
from ci_ops.core.text.redact import redact_patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_VALUE_LENGTH = 200
OVERFLOW = "__overflow__"
"""Value of every label of the series that counts what found no series of its own."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_RESERVED = {"le", "quantile"}


def metric_name(name: str) -> str:
    """Return the name. Raises ValueError where Prometheus refuses it."""
    if not _METRIC.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a metric name: letters, digits and underscores, such as orders_total"
        )
    return name


def label_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names. Raises ValueError where Prometheus refuses one."""
    checked = tuple(names)
    for name in checked:
        if not _LABEL.fullmatch(name) or name in _RESERVED:
            raise ValueError(f"{name!r} is not a label name")
    if len(set(checked)) < len(checked):
        raise ValueError("a label stands once")
    return checked


def label_value(value: Any) -> str:
    """Return any value as a label: cut, redacted, and valid UTF-8."""
    text = str(value)
    if len(text) > MAX_VALUE_LENGTH or not text.isascii() or ":" in text or "=" in text:
        text = encodable(redact_patterns(text[: 2 * MAX_VALUE_LENGTH])[:MAX_VALUE_LENGTH])
    return text


def escape_value(value: str) -> str:
    """Escape a label value between its quotes."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def escape_help(text: str) -> str:
    """Escape a help text on its line."""
    return encodable(text).replace("\\", "\\\\").replace("\n", "\\n")
