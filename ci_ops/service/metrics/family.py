"""Values of a metric at one moment, in one process or merged over several."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "min"]
Values = tuple[float, ...]
"""One number; for a histogram the sum, then each bucket's own count, the one without a bound last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """A metric without its values."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, without infinity."""
    merge: Merge = "sum"
    """How the values of a gauge in several processes combine."""

    @property
    def cells(self) -> int:
        """Number of cells of each series."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    def to_json(self) -> dict[str, Any]:
        """Return a document that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Definition:
        """Return the definition in a document. Raises TypeError or KeyError for another."""
        sequences = {name: tuple(document[name]) for name in ("labels", "bounds")}
        return cls(**{**document, **sequences})


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A metric with all of its series."""

    definition: Definition
    series: dict[tuple[str, ...], Values] = field(default_factory=dict)
    """Numbers by label values, in the order of the definition's labels."""


def merged(families: Iterable[Family]) -> list[Family]:
    """Return one family for each name; of different definitions the first one counts."""
    found: dict[str, Family] = {}
    for family in families:
        name = family.definition.name
        known = found.get(name)
        if known is None:
            found[name] = replace(family, series=dict(family.series))
        elif known.definition == family.definition:
            _add(known, family)
    return [found[name] for name in sorted(found)]


def _add(known: Family, more: Family) -> None:
    for labels, values in more.series.items():
        before = known.series.get(labels)
        known.series[labels] = values if before is None else _together(known.definition, before, values)


def _together(definition: Definition, one: Values, other: Values) -> Values:
    if definition.kind == "gauge" and definition.merge != "sum":
        choose = max if definition.merge == "max" else min
        return tuple(choose(a, b) for a, b in zip(one, other, strict=True))
    return tuple(a + b for a, b in zip(one, other, strict=True))
