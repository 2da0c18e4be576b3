"""Init: a first configuration and workflow that fit the project."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ci_ops.config.find import NAMES
from ci_ops.config.shapes import record_of
from ci_ops.core.errors import UsageError
from ci_ops.flows.readiness import detected

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.plugin import Check
    from ci_ops.core.ports import Templates

CONFIG = NAMES[0]
WORKFLOW = ".github/workflows/deploy.yml"
MAX_CHECKS = 4
"""More would make the first file longer than a screen."""


def init(root: Path, templates: Templates) -> tuple[str, ...]:
    """Write both files.

    What was done, and the next command, as lines for people.

    Raises UsageError, before anything is written, when one of them exists.
    """
    for name in (*NAMES, WORKFLOW):
        if (root / name).exists():
            raise UsageError(
                f"{name} exists already; nothing was written",
                where=name,
                hint="Move it away to start anew, or look at it with `ci-ops config show`.",
            )
    checks = {check.name: _settings(check.plugin) for check in detected(root)}
    service = re.sub(r"[^a-z0-9-]+", "-", root.resolve().name.lower()).strip("-") or "service"
    shown = list(checks.items())[:MAX_CHECKS]
    text = templates.render("config/ci-ops.yml.j2", service=service, checks=shown)
    _write(root / CONFIG, text)
    _write(root / WORKFLOW, templates.source("workflows/deploy.yml"))
    return (
        f"wrote {CONFIG}: set `verify.url` and the two deploy commands",
        f"wrote {WORKFLOW}",
        f"found for readiness: {', '.join(checks) or 'nothing that is recognised'}",
        "next: ci-ops config check && ci-ops readiness",
    )


def _settings(check: Check) -> str:
    """What the check found out for itself, as a YAML map on one line."""
    found = {each.key: getattr(check, each.attribute) for each in record_of(type(check)).members}
    usual = {each.key: each.make_default() for each in record_of(type(check)).members}
    listed = (f"{key}: {json.dumps(value)}" for key, value in found.items() if value != usual[key])
    return f"{{{', '.join(listed)}}}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
