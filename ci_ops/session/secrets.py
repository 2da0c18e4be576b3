"""Secrets are registered before anything else is printed: in our own texts and in the runner's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.text.weburl import read_url, secrets_in
from ci_ops.session.environment import SECRET_LINES, likely_secrets, secret_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.config.model import Config
    from ci_ops.edge.runner import Runner
    from ci_ops.edge.world import RealWorld
    from ci_ops.session.call import Call


def secrets_of_call(call: Call, env: Mapping[str, str], user_env: Mapping[str, str]) -> Iterable[str]:
    """Return the secrets that are known before the configuration is read."""
    yield from secret_lines(env.get(SECRET_LINES, "")).values()
    yield call.get("token")
    yield from likely_secrets(user_env)


def secrets_of_config(config: Config) -> Iterable[str]:
    """Return the secrets that the configuration names, and those in the service's address."""
    yield from (secret.reveal() for secret in config.secrets)
    if config.verify.url:
        yield from secrets_in(read_url(config.verify.url))


def hide(runner: Runner, world: RealWorld, secrets: Iterable[str]) -> None:
    """Redact these values in every text of ours, and have the runner mask them."""
    known = [secret for secret in secrets if secret]
    world.redact.add(*known)
    runner.mask(known)
