"""Environment variables, read together and validated as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.pages import dotenv_text, markdown_text
from ci_ops.core.contract.variables import Contract, Reading, Variable, VariableProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS_BY_TYPE = {str: "str", int: "int", float: "float", bool: "bool", list: "list", tuple: "list"}


class InvalidConfigurationError(Exception):
    """The environment is not valid; lists every problem, and no value."""

    def __init__(self, problems: tuple[VariableProblem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValue:
    """One variable with its value and its problem."""

    key: str
    type: str
    required: bool
    default: Any = None
    value: Any = None
    """Of its type, a Secret, or None."""
    is_set: bool = False
    errors: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """True without a problem."""
        return not self.errors


class ConfigValidator:
    """Variables that are registered, then read and validated together."""

    def __init__(self, *variables: Variable, env: Mapping[str, str] | None = None) -> None:
        """`env` is read at each validation; without it, the environment of the process."""
        self._own = Contract(*variables)
        self._env = env
        self._reading: Reading | None = None

    def register(self, key: str | Variable, kind: str | type = "str", **rules: Any) -> None:
        """Declare a variable; `rules` are the fields of Variable.

        Required unless it has a default or `required=False`. Raises ValueError for
        a contradictory declaration.
        """
        if not isinstance(key, Variable):
            word = KINDS_BY_TYPE.get(kind, "") if isinstance(kind, type) else kind
            key = Variable(key, kind=word, **rules)  # type: ignore[arg-type]
        self._own += Contract(key)
        self._reading = None

    @property
    def contract(self) -> Contract:
        """The contract of every declared variable, which the pipeline reads."""
        return self._own

    def validate(self) -> bool:
        """Read the environment anew and return whether it is valid."""
        self._reading = self.contract.validate(os.environ if self._env is None else self._env)
        return not self._reading.problems

    async def validate_all(self) -> bool:
        """Read the environment anew. Raises InvalidConfigurationError with every problem."""
        return self.validate_all_sync()

    def validate_all_sync(self) -> bool:
        """Validate for a synchronous application."""
        if not self.validate():
            raise InvalidConfigurationError(self.reading.problems)
        return True

    def adopt(self, reading: Reading) -> None:
        """Take values that were read together with other variables."""
        own = {name for each in self.contract.variables for name in each.names}
        self._reading = Reading(
            values={name: value for name, value in reading.values.items() if name in own},
            is_set=reading.is_set & own,
            problems=tuple(each for each in reading.problems if each.name in own),
            warnings=tuple(each for each in reading.warnings if each.name in own),
        )

    @property
    def reading(self) -> Reading:
        """The environment at the last reading."""
        if self._reading is None:
            self.validate()
        assert self._reading is not None
        return self._reading

    @property
    def errors(self) -> tuple[str, ...]:
        """Every problem as a sentence."""
        return tuple(map(str, self.reading.problems))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Placeholders and misspelt names."""
        return tuple(map(str, self.reading.warnings))

    def __getitem__(self, key: str) -> Any:
        """Return the value of a variable. Raises KeyError, and InvalidConfigurationError when it has a problem."""
        if key in self.reading.values:
            return self.reading.values[key]
        variable = next((each for each in self.contract.variables if each.name == key), None)
        if variable is None:
            raise KeyError(key)
        raise InvalidConfigurationError(_problems_of(variable, self.reading))

    @property
    def values(self) -> dict[str, ConfigValue]:
        """Each variable with its value and its problem."""
        reading = self.reading
        return {
            each.name: ConfigValue(
                key=each.name,
                type=each.kind,
                required=each.must_be_set,
                default=each.default_value,
                value=reading.values.get(each.name),
                is_set=each.name in reading.is_set,
                errors=tuple(map(str, _problems_of(each, reading))),
            )
            for each in self.contract.variables
        }

    def get_summary(self) -> dict[str, Any]:
        """Return how many variables are declared, set and invalid, and which; never a value."""
        values = self.values
        return {
            "valid": not self.errors,
            "declared": len(values),
            "set": sorted(key for key, each in values.items() if each.is_set),
            "invalid": sorted(key for key, each in values.items() if not each.is_valid),
            "errors": list(self.errors),
            "warnings": list(self.warnings),
        }

    def env_example(self) -> str:
        """Return the text of `.env.example`."""
        return dotenv_text(self.contract)

    def documentation(self) -> str:
        """Return a Markdown table of the variables."""
        return markdown_text(self.contract)


def _problems_of(variable: Variable, reading: Reading) -> tuple[VariableProblem, ...]:
    return tuple(each for each in reading.problems if each.name in variable.names)
