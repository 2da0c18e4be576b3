"""Optional dependencies of a session: lock groups on a runner, extras elsewhere."""

from __future__ import annotations

import runpy
from functools import wraps
from importlib.util import find_spec
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ci_ops.core.errors import CiOpsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

BOOTSTRAP = "CI_OPS_BOOTSTRAP"
"""Path of actions/bootstrap.py, set by itself; absent on a laptop, where extras are installed."""

EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(("backoff", "click", "jinja2", "requests", "yaml"), "cli"),
    "github": "github",
    "twilio": "sms",
}
"""Module → the extra that brings it; an application that installs the kit has none of them."""


def have_groups(groups: Iterable[str], env: Mapping[str, str]) -> None:
    """Install these lock groups unless they are importable. Raises CiOpsError (setup-failed)."""
    wanted = sorted(set(groups))
    path = env.get(BOOTSTRAP, "")
    if not wanted or not path:
        return
    bootstrap = runpy.run_path(path)  # not an import: that would write into the action's own folder
    try:
        bootstrap["ensure"](wanted)
    except bootstrap["SetupFailed"] as failure:
        raise CiOpsError(
            failure.sentence, reason="setup-failed", where=", ".join(wanted), hint=failure.hint
        ) from failure


def missing_extra(error: ModuleNotFoundError) -> UsageError | None:
    """Return the error that names the extra to install; None if no extra contains the module."""
    module = (error.name or "").partition(".")[0]
    return extra_for(module) if module in EXTRAS else None


def extra_for(module: str) -> UsageError:
    """Return the error that names the extra which contains this module of EXTRAS."""
    wanted = ",".join(dict.fromkeys(("cli", EXTRAS[module])))
    return UsageError(
        f"ci-ops needs {module}, which is not installed", hint=f'pipx install "ci-ops[{wanted}]"'
    )


def is_installed(module: str) -> bool:
    """Return True when the module can be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def naming_the_extra(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Decorate a function so that a missing library raises a UsageError with the install command."""

    @wraps(function)
    def named(*arguments: Given.args, **options: Given.kwargs) -> Returned:
        try:
            return function(*arguments, **options)
        except ModuleNotFoundError as error:
            usage = missing_extra(error)
            if usage is None:
                raise
            raise usage from error

    return named
