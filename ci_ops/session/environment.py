"""The environment of a command's child processes: the user's, without the inputs of ci-ops."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from ci_ops.config.safe_text import names_a_secret
from ci_ops.core.errors import UsageError
from ci_ops.core.modules import modules_in
from ci_ops.core.text.weburl import passwords_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECRET_LINES = "CI_OPS_ENV"
"""One secret with many variables, for reusable workflows: `NAME=value`, one on each line."""

_OURS = frozenset({SECRET_LINES, "CI_OPS_BOOTSTRAP", "CI_OPS_PYTHON", "CI_OPS_CHECK_RUN_ID"})
_OF_THE_RUNNER = "ACTIONS_"
"""Tokens and addresses with which GitHub's own actions reach GitHub: for caches, artifacts and OpenID Connect."""
_NAMES_A_PLACE = re.compile(r"_(?:FILE|PATH|DIR)$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret_lines(text: str) -> dict[str, str]:
    """Return the variables of CI_OPS_ENV; blank lines and comments (#) are ignored.

    Raises UsageError that names the line, never its content.
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
    """Return the values of variables whose names suggest a secret, and credentials in URLs.

    The shape of a value does not matter: a password may be a word, be short, or begin with a slash.
    """
    named = (value for name, value in env.items() if names_a_secret(name) and not _NAMES_A_PLACE.search(name))
    addresses = (value for value in env.values() if "://" in value and "@" in value)
    return (*named, *chain.from_iterable(map(passwords_in, addresses)))


def user_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of steps and checks: the job's, overlaid with the secret lines.

    The inputs of ci-ops and the runner's tokens are left out: they must not reach every program
    that a deployment runs. A program that needs a variable of the runner, such as
    ACTIONS_ID_TOKEN_REQUEST_TOKEN, gets it if `deploy.pass-env` names it.
    """
    hidden = _private_prefixes()
    own = {name: value for name, value in env.items() if name not in _OURS and not name.startswith(hidden)}
    return {**secret_lines(env.get(SECRET_LINES, "")), **own}


def passed_environment(env: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the runner's variables that `deploy.pass-env` names and that are set."""
    return {name: env[name] for name in names if name in env}


def _private_prefixes() -> tuple[str, ...]:
    """Return the prefixes of variables that no child process gets: options of commands, and the runner's."""
    commands = {*modules_in("ci_ops.flows"), *modules_in("ci_ops.cli")}
    return (_OF_THE_RUNNER, *(f"CI_OPS_{command.upper()}_" for command in sorted(commands)))
