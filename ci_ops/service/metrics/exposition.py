"""The Prometheus text of families.

Source: the Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from ci_ops.service.metrics.names import escape_help, escape_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ci_ops.service.metrics.family import Definition, Family, Values


class MetricsText(str):
    """The text of a whole scrape.

    Its label values were redacted one by one, when they came in.

    It is a type of its own because a search for secrets in the text as a whole
    would make the values of a label named `token_kind` equal, and so give two
    series the same name.
    """

    __slots__ = ()


def render(families: Iterable[Family]) -> MetricsText:
    """Return the text of these families, each series in the order of its creation."""
    return MetricsText("".join(line for family in families if family.series for line in _lines(family)))


def number(value: float) -> str:
    """Return a value in the format's spelling."""
    if value != value:  # noqa: PLR0124 - the quick way to see a NaN
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def _lines(family: Family) -> Iterator[str]:
    definition = family.definition
    name = definition.name
    yield f"# HELP {name} {escape_help(definition.help)}\n# TYPE {name} {definition.kind}\n"
    for labels, values in family.series.items():
        pairs = [
            f'{label}="{escape_value(value)}"' for label, value in zip(definition.labels, labels, strict=True)
        ]
        if definition.kind == "histogram":
            yield _histogram(definition, ",".join(pairs), values)
        else:
            yield (
                f"{name}{{{','.join(pairs)}}} {number(values[0])}\n"
                if pairs
                else f"{name} {number(values[0])}\n"
            )


def _histogram(definition: Definition, labels: str, values: Values) -> str:
    name = definition.name
    head = f"{name}_bucket{{{labels},le=" if labels else f"{name}_bucket{{le="
    counts = list(accumulate(values[1:]))
    bounds = [*map(number, definition.bounds), "+Inf"]
    lines = [f'{head}"{bound}"}} {number(count)}\n' for bound, count in zip(bounds, counts, strict=True)]
    shown = f"{{{labels}}}" if labels else ""
    lines.append(f"{name}_sum{shown} {number(values[0])}\n{name}_count{shown} {number(counts[-1])}\n")
    return "".join(lines)
