"""GitHub's client for a session, with its token and repository."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError
from ci_ops.core.text.secret import Secret
from ci_ops.session.needs import extra_for, is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ci_ops.config.model import Config
    from ci_ops.core.git import Git
    from ci_ops.edge.github import GitHub
    from ci_ops.edge.runner import Runner
    from ci_ops.edge.world import RealWorld
    from ci_ops.session.call import Call

_TOKEN_INPUT = re.compile(r"CI_OPS_[A-Z]+_TOKEN")
_REMOTE = re.compile(
    r"(?:https?://(?:[^/@]*@)?|ssh://(?:[^/@]*@)?|(?:[^/@:]*@)?)"
    r"(?P<host>[^/:@]+)(?::\d+)?[/:](?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def with_token(call: Call, runner: Runner, env: Mapping[str, str]) -> Call:
    """Return the call with the token from GITHUB_TOKEN, unless an option or an action's input sets one."""
    token = runner.token
    is_decided = bool(call.get("token")) or any(_TOKEN_INPUT.fullmatch(name) for name in env)
    if token is None or is_decided or not call.traits.uses_forge:
        return call
    return replace(call, options={**call.options, "token": token.reveal()})


def open_github(
    call: Call,
    config: Config,
    world: RealWorld,
    runner: Runner,
    git: Git,
    *,
    is_token_given: bool,
    waits: Callable[[], Iterator[float]],
    note: Callable[[str], None],
) -> GitHub | None:
    """Return GitHub's client; None without a token or without a use for it.

    Raises UsageError if a token is given but the repository is unknown, or if the client's
    libraries are not installed. A token that is only found in the environment may be meant for
    another tool: it is then ignored.
    """
    if not call.asks_forge:
        return None
    repository = runner.context.repository or repository_of(git, runner.server_url)
    if not repository:
        if not is_token_given:
            return None
        raise UsageError(
            "a token is given, but not for which repository on GitHub",
            where="token",
            hint="Set GITHUB_REPOSITORY=owner/name, or run it in a clone whose remote `origin` is on GitHub.",
        )
    if not is_installed("github"):
        missing = extra_for("github")
        if is_token_given:
            raise missing
        note(
            f"GITHUB_TOKEN is set, but the deployments of {repository} are left out: {missing.what}. {missing.hint}"
        )
        return None
    from ci_ops.edge.github import GitHub  # noqa: PLC0415 - loads PyGithub

    return GitHub(
        repository=repository,
        service=config.service,
        token=Secret(call.get("token")),
        api_url=runner.api_url,
        clock=world.clock,
        waits=waits,
        redact=world.redact,
    )


def repository_of(git: Git, server_url: str) -> str:
    """Return `owner/name` of the remote `origin`; empty if that is on another server."""
    remote = _REMOTE.fullmatch(git.remote_url("origin"))
    server = server_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return remote["repository"] if remote and remote["host"].casefold() == server.casefold() else ""
