"""One line of the table: what was measured, beside what, and whether the promise holds."""

from __future__ import annotations

from dataclasses import dataclass

HEADINGS = ("measured", "ours", "peer", "theirs", "ratio", "promise", "")


class CannotMeasure(Exception):
    """Something is missing on this machine; the text says what, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A measurement; seconds throughout, shown in the unit that reads best."""

    what: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    promise: str = ""
    """As a person reads it; empty for a number that is only told."""
    is_kept: bool = True

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's texts, in the order of the headings."""
        theirs = "" if self.theirs is None else shown(self.theirs)
        ratio = "" if self.theirs is None else f"{self.ours / self.theirs:.2f}"
        verdict = "" if not self.promise else "kept" if self.is_kept else "BROKEN"
        return (self.what, shown(self.ours), self.peer, theirs, ratio, self.promise, verdict)


def at_most(what: str, ours: float, limit: float, *, peer: str = "", theirs: float | None = None) -> Row:
    """A measurement that may not be longer than the limit."""
    promise = f"≤ {shown(limit)}"
    return Row(what=what, ours=ours, peer=peer, theirs=theirs, promise=promise, is_kept=ours <= limit)


def times_faster(what: str, ours: float, factor: float, *, peer: str, theirs: float) -> Row:
    """A measurement that has to be so many times shorter than the peer's."""
    promise = f"{factor:g} times faster"
    is_kept = ours * factor <= theirs
    return Row(what=what, ours=ours, peer=peer, theirs=theirs, promise=promise, is_kept=is_kept)


def shown(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def table(rows: list[Row]) -> str:
    """The lines below their headings, in columns."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)
