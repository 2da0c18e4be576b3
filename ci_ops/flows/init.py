"""Init: a first configuration and workflow that fit the project."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.config.find import NAMES
from ci_ops.config.shapes import record_of
from ci_ops.core.errors import UsageError
from ci_ops.core.text.weburl import is_loopback, read_url
from ci_ops.flows._survey import survey
from ci_ops.flows.readiness import detected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from ci_ops.core.plugin import Check
    from ci_ops.core.ports.world import World
    from ci_ops.flows._survey import Survey

CONFIG = NAMES[0]
WORKFLOWS = Path(".github/workflows")
LOCAL_URL = "http://127.0.0.1:8000"
"""Where gunicorn, uvicorn and granian listen when nothing else is said."""
MAX_CHECKS = 4
"""More would make the first file longer than a screen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """The caller's settings; empty where the file is to be edited."""

    url: str = ""
    """The service's address."""
    path: str = ""
    """The folder for releases on this machine."""
    reload: str = ""
    """The command that makes the server take up a release."""


def init(root: Path, world: World, wishes: Wishes | None = None) -> tuple[str, ...]:
    """Write both files; return what was done and the next actions as lines of text.

    The workflow goes to the root of the repository, beside those that exist.
    Raises UsageError, before anything is written, when a file would be
    overwritten.
    """
    wishes = wishes or Wishes()
    for name in NAMES:
        if (root / name).exists():
            raise UsageError(
                f"{name} exists already; nothing was written",
                where=name,
                hint="Move it away to start again, or inspect it with `ci-ops config show`.",
            )
    found = survey(root, world)
    service = re.sub(r"[^a-z0-9-]+", "-", root.resolve().name.lower()).strip("-") or "service"
    top = root.resolve()
    for _ in Path(found.directory).parts:
        top = top.parent
    workflow = _free_workflow(top, service, found)
    checks = {check.name: _settings(check.plugin) for check in detected(root)}
    on_render = f"https://{found.render_service}.onrender.com" if found.render_service else ""
    url = wishes.url or on_render or LOCAL_URL
    text = world.templates.render(
        "config/ci-ops.yml.j2",
        service=service,
        checks=list(checks.items())[:MAX_CHECKS],
        found=found,
        url=url,
        is_local=is_loopback(_address(url)),
        wishes=wishes,
    )
    _write(root / CONFIG, text)
    _write(top / workflow, _adapted(world.templates.source("workflows/deploy.yml"), service, found))
    return (
        f"found: {_summary(found)}",
        f"wrote {CONFIG}: read it once; its comments name what to set",
        f"wrote {workflow}{' at the root of the repository' if found.directory else ''}",
        f"found for readiness: {', '.join(checks) or 'nothing that is recognised'}",
        *_missing(found),
        "next: ci-ops config check && ci-ops readiness",
    )


def _address(url: str) -> SplitResult:
    """Return the parsed address. Raises UsageError."""
    try:
        return read_url(url)
    except ValueError as error:
        raise UsageError(str(error), where="url", hint="Give one such as https://shop.example.com.") from None


def _missing(found: Survey) -> Iterator[str]:
    """Return what verification will need and the project does not have yet."""
    if found.framework and not found.has_health:
        yield (
            "not found: health routes and the commit of the release; `pip install ci-ops` brings both, "
            "docs/service/README.md shows the three lines"
        )


def _free_workflow(top: Path, service: str, found: Survey) -> Path:
    """Return the workflow's path: `deploy.yml`, or `ci-ops.yml` where that file exists."""
    names = [f"deploy-{service}.yml"] if found.directory else ["deploy.yml"]
    names.append(f"ci-ops-{service}.yml")
    for name in names:
        if not (top / WORKFLOWS / name).exists():
            return WORKFLOWS / name
    raise UsageError(
        f"{names[-1]} exists already; nothing was written",
        where=str(WORKFLOWS / names[-1]),
        hint="Move it away to start again.",
    )


def _adapted(workflow: str, service: str, found: Survey) -> str:
    """Return the reference workflow adapted to this repository: branch, folder and runner."""
    text = workflow.replace("branches: [main]", f"branches: [{json.dumps(found.branch)}]")
    if not found.render_service and found.framework:
        text = text.replace(
            "runs-on: ubuntu-latest",
            "runs-on: self-hosted # the machine that serves: `releases` works where ci-ops runs",
            1,
        )
    if found.directory:
        here = json.dumps(found.directory)
        text = text.replace("name: deploy\n", f"name: deploy {service}\n", 1)
        paths = json.dumps([f"{found.directory}/**"])
        text = text.replace("    branches: [", f"    paths: {paths}\n    branches: [", 1)
        text = re.sub(r"(?m)^( +)environment: production$", rf"\g<0>\n\g<1>directory: {here}", text)
        text = text.replace("ci-ops-production", f"ci-ops-{service}-production")
    return text


def _summary(found: Survey) -> str:
    parts = [
        f"{found.framework} ({found.application})" if found.application else found.framework,
        f"settings {found.settings}" if found.settings else "",
        f"served by {found.server}" if found.server else "",
        f"in {found.directory}" if found.directory else "",
        f"default branch {found.branch}",
        f"Render service {found.render_service}" if found.render_service else "",
    ]
    return ", ".join(part for part in parts if part)


def _settings(check: Check) -> str:
    """Return the settings that the check detected as a YAML map on one line."""
    found = {each.key: getattr(check, each.attribute) for each in record_of(type(check)).members}
    usual = {each.key: each.make_default() for each in record_of(type(check)).members}
    listed = (f"{key}: {json.dumps(value)}" for key, value in found.items() if value != usual[key])
    return f"{{{', '.join(listed)}}}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(
            "x", encoding="utf-8", newline="\n"
        ) as file:  # never through a link that a checkout brings
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
