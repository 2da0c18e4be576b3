"""A folder of modules as a registry of plugins."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module


@cache
def modules_in(package: str) -> tuple[str, ...]:
    """Return the names of a package's public modules in kebab-case, sorted; imports none of them."""
    modules = pkgutil.iter_modules(import_module(package).__path__)
    return tuple(sorted(each.name.replace("_", "-") for each in modules if not each.name.startswith("_")))
