"""The example of each plugin: `EXAMPLE` in the test module of that plugin, `tests/unit/<family>/test_<name>.py`.

| family | its `EXAMPLE` |
|---|---|
| checks | the check, with the settings it cannot do without |
| targets | a `TargetExample`: the target in a scratch folder, and what serves there |
| channels | a `ChannelExample`: the channel as it sends to a receiver |
| formats | the format |
"""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from ci_ops.plugins import Family, module_name
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    import pytest

FOLDER = ROOT / "tests" / "unit"


def module_of(family: str, name: str) -> ModuleType:
    """Return the test module of a plugin."""
    file = f"tests/unit/{family}/test_{module_name(name)}.py"
    try:
        return import_module(file.removesuffix(".py").replace("/", "."))
    except ModuleNotFoundError as error:
        raise AssertionError(f"the {Family[Any](f'ci_ops.{family}').word} {name} needs {file}") from error


def rules_reached(name: str) -> set[str]:
    """Return the rules that marks in the test modules of a check promise; each mark is held to it where it stands.

    A check with more than one test module calls the others `test_<name>_<subject>.py`.
    """
    folder, module = FOLDER / "checks", module_name(name)
    files = [folder / f"test_{module}.py", *sorted(folder.glob(f"test_{module}_*.py"))]
    modules = (import_module(f"tests.unit.checks.{file.stem}") for file in files)
    found = chain.from_iterable(_promises(value) for module in modules for value in vars(module).values())
    return set(found)


def filled(rule: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return the rules that a mark names: `tls/{rules}` are those of the test's parameter `rules`, one or several."""
    head, brace, name = rule.rstrip("}").partition("{")
    if not brace:
        return {rule}
    value = parameters.get(name, ())
    return {f"{head}{each}" for each in ([value] if isinstance(value, str) else value)}


def _promises(value: Any) -> Iterator[str]:
    """Yield the rules that the marks of a test function name, for all of its parameters."""
    marks = list(_marks(value))
    sets = [dict(zip(_names(mark), _values(each), strict=False)) for mark in marks for each in _cases(mark)]
    for rule in chain.from_iterable(mark.args for mark in marks if mark.name == "reports"):
        yield from chain.from_iterable(filled(rule, parameters) for parameters in [{}, *sets])


def _names(mark: pytest.Mark) -> list[str]:
    names = mark.args[0]
    return [each.strip() for each in names.split(",")] if isinstance(names, str) else list(names)


def _cases(mark: pytest.Mark) -> list[Any]:
    return list(mark.args[1]) if mark.name == "parametrize" else []


def _values(case: Any) -> tuple[Any, ...]:
    values = getattr(case, "values", case)
    return values if isinstance(values, tuple) else (values,)


def _marks(value: Any) -> Iterator[pytest.Mark]:
    """Yield the marks of a test function and of its parameters."""
    for mark in getattr(value, "pytestmark", []):
        yield mark
        if mark.name == "parametrize":
            for parameters in mark.args[1]:
                yield from (
                    each.mark if hasattr(each, "mark") else each for each in getattr(parameters, "marks", ())
                )


def example_of(family: str, name: str) -> Any:
    """Return what the plugin's test module calls `EXAMPLE`."""
    module = module_of(family, name)
    assert hasattr(module, "EXAMPLE"), f"{module.__file__} needs an EXAMPLE, see tests/support/examples.py"
    return module.EXAMPLE
