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
    from collections.abc import Iterator
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
    marks = chain.from_iterable(_marks(value) for found in modules for value in vars(found).values())
    return {rule for mark in marks if mark.name == "reports" for rule in mark.args}


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
