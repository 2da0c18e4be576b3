"""Registration of secrets, before anything else is printed: for our redaction and the runner's mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.text.spellings import is_word
from ci_ops.core.text.weburl import secrets_in_text
from ci_ops.session.environment import SECRET_LINES, likely_secrets, secret_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.config.model import Config
    from ci_ops.edge.runner import Runner
    from ci_ops.edge.world import RealWorld
    from ci_ops.session.call import Call


def secrets_of_call(call: Call, env: Mapping[str, str]) -> Iterable[str]:
    """Return the secrets that are known before the configuration is read."""
    yield from secrets_of_environment(env)
    yield call.get("token")
    yield from secrets_in_text(call.get("url", ""))


def secrets_of_environment(env: Mapping[str, str]) -> Iterable[str]:
    """Return every value of CI_OPS_ENV, and those of variables whose names suggest a secret.

    Variables that no child process gets are included: a program may have them from elsewhere.
    """
    lines = secret_lines(env.get(SECRET_LINES, ""))
    yield from lines.values()
    yield from likely_secrets(lines)
    yield from likely_secrets(env)


def secrets_of_config(config: Config) -> Iterable[str]:
    """Return the secrets that the configuration names, and those in the service's address."""
    yield from (secret.reveal() for secret in config.secrets)
    yield from secrets_in_text(config.verify.url)


def hide(runner: Runner, world: RealWorld, secrets: Iterable[str]) -> None:
    """Redact these values in every text of ours, and have the runner mask them.

    The runner's mask applies to the log of the whole job, so ordinary words are only redacted by
    us.
    """
    known = [secret for secret in secrets if secret]
    world.redact.add(*known)
    runner.mask(secret for secret in known if not is_word(secret))
