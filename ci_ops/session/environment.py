"""The environment a command works in: the user's, without our own inputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.config.shown import names_a_secret
from ci_ops.core.errors import UsageError
from ci_ops.plugins import modules_in

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_LINES = "CI_OPS_ENV"
"""One secret with many variables, for reusable workflows: `NAME=value`, one a line."""

_SECRET_VALUE = re.compile(r"(?!/)(?=.*\d).{12,}", re.DOTALL)
_OURS = frozenset({SECRET_LINES, "CI_OPS_BOOTSTRAP", "CI_OPS_PYTHON"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret_lines(text: str) -> dict[str, str]:
    """The variables in CI_OPS_ENV; blank lines and lines that begin with # are passed over.

    Raises UsageError that names the line, never what stands in it.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise UsageError(
                f"line {number} is not of the form NAME=value",
                where=SECRET_LINES,
                hint="One variable a line.",
            )
        found[name.strip()] = value
    return found


def likely_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """Values that programs must not be quoted with: of variables that are named like a secret.

    Paths and plain words are left alone: hiding them would hide ordinary text.
    """
    return tuple(
        value for name, value in env.items() if names_a_secret(name) and _SECRET_VALUE.fullmatch(value)
    )


def user_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What steps and checks see: the secret lines beneath, our own inputs left out.

    An input such as a token must not reach every program a deployment runs.
    """
    inputs = tuple(f"CI_OPS_{command.upper()}_" for command in modules_in("ci_ops.flows"))
    own = {name: value for name, value in env.items() if name not in _OURS and not name.startswith(inputs)}
    return {**secret_lines(env.get(SECRET_LINES, "")), **own}
