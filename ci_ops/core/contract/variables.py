"""The contract on an application's environment variables, declared once.

Both sides read it: the application when it starts, and the pipeline before it deploys. All problems
are reported at once, and never a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.placeholder import is_placeholder
from ci_ops.core.contract.values import (
    KINDS,
    Rules,
    as_text,
    bounds_faults,
    expected_form,
    is_weak,
    value_of,
)
from ci_ops.core.text.nearmiss import nearest
from ci_ops.core.text.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAME = re.compile(r"[^\s=]+")
_NUMBERS = frozenset({"int", "float"})
_MISSPELT_LENGTH = 6
"""Shorter names are near to too many others."""


@dataclass(frozen=True, slots=True)
class Variable(Rules):
    """One environment variable and the constraints on its value."""

    name: str
    _: KW_ONLY
    description: str = ""
    required: bool = True
    """Must be set, unless it has a default."""
    default: Any = None
    """Kept as the text that the environment would hold; a secret has none."""
    fallbacks: tuple[str, ...] = ()
    """Variables that are read, in this order, where this one is not set."""
    example: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", None if self.default is None else as_text(self.default))
        for name in ("choices", "schemes", "fallbacks"):
            texts = getattr(self, name)
            if isinstance(texts, str):  # would be read letter by letter
                raise ValueError(f"the variable {self.name!r}: its {name} are a tuple of texts, not one text")
            object.__setattr__(self, name, tuple(texts))
        for problem in self._faults():
            raise ValueError(f"the variable {self.name!r}: {problem}")

    @property
    def must_be_set(self) -> bool:
        """True when the variable has neither a default nor a fallback."""
        return self.required and self.default is None

    @property
    def names(self) -> tuple[str, ...]:
        """The variable and its fallbacks."""
        return (self.name, *self.fallbacks)

    @property
    def expected(self) -> str:
        """A description of a valid value."""
        return expected_form(self)

    @property
    def default_value(self) -> Any:
        """Return the default in the variable's type; None if it has no default."""
        return None if self.default is None else value_of(self, self.default)

    def _faults(self) -> Iterator[str]:
        numeric = self.kind in _NUMBERS or (self.kind == "list" and self.items in _NUMBERS)
        if not all(_NAME.fullmatch(each) for each in self.names):
            yield "a name has neither blanks nor ="
        if self.kind not in KINDS or self.items not in {"str", "int", "float", "url"}:
            yield f"known kinds are {', '.join(KINDS)}; a list is of str, int, float or url"
        if (self.kind == "choice") is not bool(self.choices):
            yield "choices belong to the kind choice, which needs them"
        if (self.minimum is not None or self.maximum is not None) and not numeric:
            yield "only numbers have a minimum or a maximum"
        yield from bounds_faults(self)
        if self.schemes and "url" not in {self.kind, self.items}:
            yield "only addresses have schemes"
        if self.secret and (self.default is not None or self.kind not in {"str", "url"}):
            yield "a secret is a str or a url, and has no default"
        try:
            re.compile(self.pattern)
            if self.default is not None:
                value_of(self, self.default)
        except re.error:
            yield "its pattern is no regular expression"
        except ValueError:
            yield "its default violates its own constraints"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableProblem:
    """One problem with a variable, without its value."""

    name: str
    rule: str
    """missing, form, weak, placeholder or misspelt."""
    sentence: str
    expected: str
    observed: str
    """How long the value is, never what it is."""

    def __str__(self) -> str:
        return f"{self.sentence.removesuffix('.')}: expected {self.expected}, found {self.observed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The values and problems of a contract's variables in one environment."""

    values: Mapping[str, Any]
    """By declared name: a value of its kind, the default, or None; left out where there is a problem."""
    is_set: frozenset[str] = frozenset()
    """Declared names for which the environment gives a value."""
    problems: tuple[VariableProblem, ...] = ()
    """What makes the environment unfit."""
    warnings: tuple[VariableProblem, ...] = ()
    """Placeholders and misspelt names: unfit for production, usual on a developer's machine."""


class Contract:
    """A group of variables, such as those of one application."""

    def __init__(self, *variables: Variable) -> None:
        """Raises ValueError when one name is declared twice with different constraints."""
        known: dict[str, Variable] = {}
        for each in variables:
            if known.setdefault(each.name, each) != each:
                raise ValueError(f"the variable {each.name!r} is declared twice, in different ways")
        self.variables = tuple(known.values())

    def __add__(self, other: Contract) -> Contract:
        return Contract(*self.variables, *other.variables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contract) and other.variables == self.variables

    def __hash__(self) -> int:
        return hash(self.variables)

    def without(self, names: Iterable[str]) -> Contract:
        """Return the contract without these variables."""
        left_out = set(names)
        return Contract(*(each for each in self.variables if each.name not in left_out))

    def validate(self, env: Mapping[str, str]) -> Reading:
        """Read every variable and report all problems at once; blank values count as unset."""
        given = {name: text.strip() for name, text in env.items() if text.strip()}
        values: dict[str, Any] = {}
        problems: list[VariableProblem] = []
        warnings: list[VariableProblem] = []
        is_set: set[str] = set()
        for each in self.variables:
            source = next((name for name in each.names if name in given), "")
            if source:
                is_set.add(each.name)
                problem = _judge(each, source, given[source])
                if problem is None and _is_placeholder(each, source, given[source]):
                    warnings.append(_found(each, source, "placeholder", given[source]))
            else:
                problem = self._unset(each, given)
            if problem is None:
                values[each.name] = _value(each, given.get(source, each.default))
            elif problem.rule == "misspelt":
                values[each.name] = each.default_value
                warnings.append(problem)
            else:
                problems.append(problem)
        return Reading(
            values=values, is_set=frozenset(is_set), problems=tuple(problems), warnings=tuple(warnings)
        )

    def _unset(self, variable: Variable, given: Mapping[str, str]) -> VariableProblem | None:
        """Return the problem with a variable that is not set; None if it is optional."""
        similar = self._similar(variable, given)
        if not variable.must_be_set and not similar:
            return None
        return VariableProblem(
            name=variable.name,
            rule="missing" if variable.must_be_set else "misspelt",
            sentence=f"{variable.name} is not set" + (f", but {similar} is." if similar else "."),
            expected=variable.expected,
            observed="nothing",
        )

    def _similar(self, variable: Variable, given: Mapping[str, str]) -> str:
        declared = {name for each in self.variables for name in each.names}
        if len(variable.name) < _MISSPELT_LENGTH:
            return ""
        near_in_length = (
            name for name in given if name not in declared and abs(len(name) - len(variable.name)) <= 2
        )
        return nearest(variable.name, near_in_length, cutoff=0.88)


def _judge(variable: Variable, source: str, text: str) -> VariableProblem | None:
    if is_weak(variable, text):
        return _found(variable, source, "weak", text)
    try:
        value_of(variable, text)
    except ValueError:
        return _found(variable, source, "form", text)
    return None


_SENTENCES = {
    "weak": "is too easy to guess",
    "form": "does not have the expected form",
    "placeholder": "still has a placeholder for its value",
}


def _found(variable: Variable, source: str, rule: str, text: str) -> VariableProblem:
    return VariableProblem(
        name=source,
        rule=rule,
        sentence=f"{source} {_SENTENCES[rule]}.",
        expected="a real value" if rule == "placeholder" else variable.expected,
        observed=f"a value of {len(text)} characters",
    )


def _is_placeholder(variable: Variable, source: str, text: str) -> bool:
    if variable.kind not in {"str", "url", "list"}:
        return False
    return is_placeholder("SECRET" if variable.secret else source, text)


def _value(variable: Variable, text: str | None) -> Any:
    if text is None:
        return None
    return Secret(text) if variable.secret else value_of(variable, text)
