"""The registry of plugins: from a family's folder to names, from a name to its class."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Generic, Literal, TypeVar, cast, overload

from ci_ops.core.errors import UsageError
from ci_ops.core.modules import modules_in
from ci_ops.core.plugin import Channel, Check, Format, Plugin, Target, family_bases
from ci_ops.core.text.nearmiss import did_you_mean

PluginT_co = TypeVar("PluginT_co", bound=Plugin, covariant=True)


@dataclass(frozen=True)
class Family(Generic[PluginT_co]):
    """The plugins of one kind.

    Every module of a package that has no leading underscore.
    """

    package: str
    """The package's dotted name, such as `ci_ops.checks`."""

    @property
    def name(self) -> str:
        """The family's word: `checks`."""
        return self.package.rpartition(".")[2]

    @property
    def word(self) -> str:
        """The singular noun for one of its plugins: `check`."""
        return family_bases().get(self.name, Plugin).family_word

    def names(self) -> tuple[str, ...]:
        """Every plugin's name as the configuration writes it, sorted.

        Loads no plugin.
        """
        return modules_in(self.package)

    def load(self, name: str) -> type[PluginT_co]:
        """The class of that name; imports its module alone.

        Raises UsageError for an unknown name.
        """
        if name not in self.names():
            choice = f"; there are {', '.join(self.names())}"
            raise UsageError(
                f"there is no {self.word} of that type{did_you_mean(name, self.names()) or choice}"
            )
        found = getattr(import_module(f"{self.package}.{module_name(name)}"), class_name(name), None)
        if not (isinstance(found, type) and issubclass(found, Plugin)):
            raise TypeError(
                f"{self.package}.{module_name(name)} must define a plugin named {class_name(name)}"
            )
        return cast("type[PluginT_co]", found)


@overload
def family(name: Literal["checks"]) -> Family[Check]: ...
@overload
def family(name: Literal["targets"]) -> Family[Target]: ...
@overload
def family(name: Literal["channels"]) -> Family[Channel]: ...
@overload
def family(name: Literal["formats"]) -> Family[Format]: ...
def family(name: str) -> Family[Plugin]:
    """The family in that folder of `ci_ops`.

    The overloads only tell the type checker what is in it.
    """
    return Family(f"ci_ops.{name}")


def module_name(name: str) -> str:
    """Return the module of a plugin: `env-vars` is in `env_vars.py`."""
    return name.replace("-", "_")


def class_name(name: str) -> str:
    """Return the class name of a plugin: `env-vars` is `EnvVars`."""
    return "".join(part.capitalize() for part in name.split("-"))
