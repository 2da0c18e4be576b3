"""Init: a first configuration and workflow that fit the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError
from ci_ops.flows.readiness import detected

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports import Templates

CONFIG = "ci-ops.yml"
WORKFLOW = ".github/workflows/deploy.yml"
MAX_CHECKS = 4
"""More would make the first file longer than a screen."""


def init(root: Path, templates: Templates) -> tuple[str, ...]:
    """Write both files.

    What was done, and the next command, as lines for people.

    Raises UsageError, before anything is written, when one of them exists.
    """
    for name in (CONFIG, "ci-ops.json", WORKFLOW):
        if (root / name).exists():
            raise UsageError(
                f"{name} exists already; nothing was written",
                where=name,
                hint="Move it away to start anew, or look at it with `ci-ops config show`.",
            )
    checks = [check.name for check in detected(root) if check.name != "config-file"]
    service = re.sub(r"[^a-z0-9-]+", "-", root.resolve().name.lower()).strip("-") or "service"
    text = templates.render("config/ci-ops.yml.j2", service=service, checks=checks[:MAX_CHECKS])
    _write(root / CONFIG, text)
    _write(root / WORKFLOW, templates.source("workflows/deploy.yml"))
    return (
        f"wrote {CONFIG}: set `verify.url` and the two deploy commands",
        f"wrote {WORKFLOW}",
        f"found for readiness: {', '.join(checks) or 'nothing that is recognised'}",
        "next: ci-ops config check && ci-ops readiness",
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
