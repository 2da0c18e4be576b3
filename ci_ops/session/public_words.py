"""Texts that are public anyway and therefore never redacted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.config.model import Config
    from ci_ops.edge.run_context import RunContext
    from ci_ops.session.call import Call

_SECRET_OPTIONS = frozenset({"token", "url", "to"})


def public_texts(call: Call, config: Config, context: RunContext, folder: Path) -> Iterator[str]:
    """Yield names, options of the call and the configuration as written, without its secrets.

    The password of a database is often the name of the service, and that name must stay readable in
    records.
    """
    yield from (config.service, config.environment, str(folder))
    yield from (named.name for _, named in config.plugins())
    yield from (str(value) for name, value in call.options.items() if name not in _SECRET_OPTIONS)
    yield from (context.repository, context.actor, context.triggering_actor, context.ref, context.head_branch)
    yield from (context.workflow, context.job, str(context.workspace or ""), str(context.temp or ""))
    with suppress(ValueError):
        yield urlsplit(config.verify.url).hostname or ""
    yield _written(config)


def _written(config: Config) -> str:
    """Return the text of the file with variables by name; secrets written into it are cut out."""
    if config.file is None:
        return ""
    text = config.file.read_text("utf-8", "replace")
    for secret in config.secrets:
        text = text.replace(secret.reveal(), " ") if secret else text
    return text
