"""The requirements of `env-vars`, collected from all sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.contract.variables import Contract, Reading, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.core.contract.presets import Preset
    from ci_ops.core.contract.variables import VariableProblem


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Contracts on variables, and variables that must not be set in production."""

    contracts: tuple[Contract, ...]
    """Each holds by itself: two may ask different things of one variable."""
    forbidden: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """The variables that have to be set, each once."""
        return tuple(dict.fromkeys(each.name for each in self._variables() if each.must_be_set))

    @property
    def names(self) -> frozenset[str]:
        """Every variable that is checked."""
        return frozenset(name for each in self._variables() for name in each.names) | set(self.forbidden)

    def read(self, env: Mapping[str, str]) -> Reading:
        """Return the readings of all contracts as one, each problem once."""
        names = self.names
        problems: dict[tuple[str, str], VariableProblem] = {}
        warnings: dict[tuple[str, str], VariableProblem] = {}
        is_set: set[str] = set()
        for contract in self.contracts:
            own = {name for each in contract.variables for name in each.names}
            # What another contract declares is no misspelt name of this one.
            relevant = {name: value for name, value in env.items() if name in own or name not in names}
            reading = contract.validate(relevant)
            is_set |= reading.is_set
            problems |= {(each.name, each.rule): each for each in reading.problems}
            warnings |= {(each.name, each.rule): each for each in reading.warnings}
        return Reading(
            values={},
            is_set=frozenset(is_set),
            problems=tuple(problems.values()),
            warnings=tuple(warnings.values()),
        )

    def _variables(self) -> Iterable[Variable]:
        return (each for contract in self.contracts for each in contract.variables)


def put_together(
    *,
    required: Iterable[str],
    forbidden: Iterable[str],
    patterns: Mapping[str, str],
    presets: Iterable[Preset],
    example: Iterable[str],
    declared: Contract | None,
) -> Wanted:
    """Return all requirements; the user's own pattern for a variable overrides a preset's."""
    presets = tuple(presets)
    not_allowed = tuple(
        dict.fromkeys([*forbidden, *(name for preset in presets for name in preset.forbidden)])
    )
    needed = dict.fromkeys(required)
    usual = [
        each.name for preset in presets for each in preset.contract.variables if each.must_be_set
    ] + list(example)
    needed |= dict.fromkeys(name for name in usual if name not in not_allowed)
    own = Contract(
        *(Variable(name, pattern=patterns.get(name, "")) for name in needed),
        *(
            Variable(name, required=False, pattern=pattern)
            for name, pattern in patterns.items()
            if name not in needed
        ),
    )
    others = [preset.contract.without(patterns) for preset in presets]
    return Wanted(
        contracts=(own, *others, *([declared] if declared is not None else [])), forbidden=not_allowed
    )
