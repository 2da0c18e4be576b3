"""Measured coverage, from what `coverage json` writes.

Rates that are already rounded are never read: 84.62 % passes a threshold of 85 in `coverage report`, and the
`line-rate` of the XML report leaves the branches out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

from ci_ops.checks._verdict import evidence
from ci_ops.core.text.encoding import read_text_file
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.world import World

MAX_REPORT_BYTES = 64 << 20
DATA_FILE = ".coverage"


class NoCoverage(Exception):
    """There is no coverage to compare; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Statements and, where they are measured, branches."""

    covered: int
    total: int
    missing: tuple[tuple[str, int], ...]
    """Files with the number of their missing statements, the worst first."""

    @property
    def percent(self) -> float:
        """For people; comparisons use `reaches`."""
        return 100 * self.covered / self.total

    def reaches(self, percent: float) -> bool:
        """Return True where the share is at least so large, exactly."""
        return Fraction(100 * self.covered, self.total) >= Fraction(str(percent))

    @property
    def shown(self) -> str:
        """The percentage, cut and never rounded up: 84.999 % is no 85 %."""
        return f"{10_000 * self.covered // self.total / 100:g} %"

    @classmethod
    def from_json(cls, document: Any, is_foreign: Callable[[str], bool] = lambda _: False) -> Self:
        """Return the figures of a JSON report without those of foreign files. Raises ValueError."""
        files = _mapping(document, "files")
        summaries = {name: _mapping(each, "summary") for name, each in files.items()}
        foreign = [each for name, each in summaries.items() if is_foreign(name)]
        counts = [(_figures(each), 1) for each in [_mapping(document, "totals")]]
        counts += [(_figures(each), -1) for each in foreign]
        covered = sum(sign * figures[0] for figures, sign in counts)
        total = sum(sign * figures[1] for figures, sign in counts)
        if not 0 <= covered <= total:
            raise ValueError(f"{covered} of {total} cannot be covered")
        missing = {
            name: _count(each, "missing_lines") for name, each in summaries.items() if not is_foreign(name)
        }
        worst = sorted(((name, count) for name, count in missing.items() if count), key=lambda each: -each[1])
        return cls(covered=covered, total=total, missing=tuple(worst))


def read_coverage(path: Path, is_foreign: Callable[[str], bool]) -> Coverage:
    """Return the figures of that JSON report without those of foreign files. Raises NoCoverage."""
    try:
        document = parse_json(read_text_file(path, max_bytes=MAX_REPORT_BYTES))
        coverage = Coverage.from_json(document, is_foreign)
    except FileNotFoundError:
        raise NoCoverage(f"no coverage report was written to {path.name}") from None
    except (OSError, ValueError) as error:
        raise NoCoverage(f"the coverage report cannot be read: {error}") from None
    if not coverage.total:
        raise NoCoverage("the coverage report counts no statement")
    return coverage


def convert_data(python: str, folder: Path, root: Path, env: Mapping[str, str], world: World) -> Path:
    """Combine the data files in `folder` and return the path of their JSON report. Raises NoCoverage."""
    report = folder / "coverage.json"
    if not any(folder.glob(f"{DATA_FILE}*")):
        raise NoCoverage("the tests wrote no coverage data")

    def coverage(*words: str) -> str:
        done = world.process.run(
            [python, "-m", "coverage", *words], timeout_seconds=300.0, env=env, directory=root
        )
        if done.interrupted:
            world.stop.check()
        return done.output if done.exit_code else ""

    parts = f"{DATA_FILE}.*"
    if any(folder.glob(parts)):
        said = coverage("combine", "--append")
        # `combine` exits with 0 where it could not read some of the files; those it read it deletes.
        if unread := sorted(folder.glob(parts)):
            raise NoCoverage(f"{len(unread)} of the data files cannot be read: {evidence(world, said)}")
    said = coverage("json", "--fail-under=0", "-o", str(report))
    if not report.is_file():
        raise NoCoverage(f"the data cannot be reported: {evidence(world, said)}")
    return report


def _mapping(document: Any, key: str) -> Mapping[str, Any]:
    value = document.get(key) if isinstance(document, Mapping) else None
    if not isinstance(value, Mapping):
        raise ValueError(f"it has no mapping {key}")
    return value


def _figures(counts: Mapping[str, Any]) -> tuple[int, int]:
    """Return what is covered and what there is: statements, and branches where they were measured."""
    branches = [_count(counts, key) if key in counts else 0 for key in ("covered_branches", "num_branches")]
    return _count(counts, "covered_lines") + branches[0], _count(counts, "num_statements") + branches[1]


def _count(counts: Mapping[str, Any], key: str) -> int:
    value = counts.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{key} is no number of things")
    return value
