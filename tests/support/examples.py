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
from typing import TYPE_CHECKING, Any

from ci_ops.plugins import Family, module_name

if TYPE_CHECKING:
    from types import ModuleType


def module_of(family: str, name: str) -> ModuleType:
    """Return the test module of a plugin."""
    file = f"tests/unit/{family}/test_{module_name(name)}.py"
    try:
        return import_module(file.removesuffix(".py").replace("/", "."))
    except ModuleNotFoundError as error:
        raise AssertionError(f"the {Family[Any](f'ci_ops.{family}').word} {name} needs {file}") from error


def example_of(family: str, name: str) -> Any:
    """Return what the plugin's test module calls `EXAMPLE`."""
    module = module_of(family, name)
    assert hasattr(module, "EXAMPLE"), f"{module.__file__} needs an EXAMPLE, see tests/support/examples.py"
    return module.EXAMPLE
