"""Variables that `readiness` requires but a pull request from a fork cannot read.

Source: docs.github.com/actions, "Using secrets in a workflow": with the exception of
GITHUB_TOKEN, secrets are not passed to workflows that a fork or Dependabot triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.config.document import read_bytes
from ci_ops.config.tree import Listing, Scalar, Table
from ci_ops.core.errors import ConfigError, Problem
from ci_ops.core.folders import folders_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ci_ops.config.model import Config
    from ci_ops.config.tree import Node

WORKFLOWS = ".github/workflows"
MAX_BYTES = 1 << 20
MAX_FILES = 100


def doubts_of_pull_requests(config: Config, folder: Path) -> Iterator[Problem]:
    """Yield a warning for each check whose variables come from secrets on `pull_request`."""
    wanted = [
        (each, tuple(getattr(each.plugin, "required", ()) or ()))
        for each in config.readiness.checks
        if each.plugin.plugin_name() == "env-vars"
        and each.required
        and getattr(each.plugin, "when_absent", "fail") == "fail"
    ]
    if not any(names for _, names in wanted):
        return
    for file, env in _readiness_steps(folders_up(folder)[-1]):
        for check, names in wanted:
            lacking = [name for name in names if "secrets." in env.get(name, "secrets.")]
            if lacking:
                verb = "is" if len(lacking) == 1 else "are"
                yield Problem(
                    f"{', '.join(lacking)} {verb} not set for pull requests of forks and of Dependabot, for which "
                    f"{file} runs readiness: the check fails there; say `when-absent: warn`",
                    path=f"readiness.checks.{check.name}.required",
                    location=str(check.location) if check.location else "",
                )


def _readiness_steps(root: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield workflow and environment of each step that runs readiness on `pull_request`."""
    folder = root / WORKFLOWS
    files = sorted(folder.glob("*.y*ml"))[:MAX_FILES] if folder.is_dir() else []
    for path in files:
        try:
            with path.open("rb") as stream:
                workflow = read_bytes(stream.read(MAX_BYTES), file=path.name)
        except (OSError, ConfigError):
            continue  # GitHub says what is wrong with it
        if not _is_for_pull_requests(workflow.get("on")):
            continue
        for job in _tables(workflow.get("jobs")):
            for step in _steps(job):
                if _runs_readiness(step):
                    yield f"{WORKFLOWS}/{path.name}", {**_env(workflow), **_env(job), **_env(step)}


def _is_for_pull_requests(node: Node | None) -> bool:
    if isinstance(node, Scalar):
        return node.text == "pull_request"
    if isinstance(node, Listing):
        return any(isinstance(each, Scalar) and each.text == "pull_request" for each in node.nodes)
    return isinstance(node, Table) and "pull_request" in node.entries


def _tables(node: Node | None) -> list[Table]:
    listed = node.entries.values() if isinstance(node, Table) else ()
    return [each.node for each in listed if isinstance(each.node, Table)]


def _steps(job: Table) -> list[Table]:
    node = job.get("steps")
    steps = [each for each in node.nodes if isinstance(each, Table)] if isinstance(node, Listing) else []
    return [*steps, job]


def _runs_readiness(step: Table) -> bool:
    uses, run = step.get("uses"), step.get("run")
    used = uses.text.partition("@")[0] if isinstance(uses, Scalar) else ""
    return used.endswith(("/actions/readiness", "/pr-checks.yml")) or (
        isinstance(run, Scalar) and "ci-ops readiness" in run.text
    )


def _env(table: Table) -> dict[str, str]:
    env = table.get("env")
    entries = env.entries.items() if isinstance(env, Table) else ()
    return {name: entry.node.text for name, entry in entries if isinstance(entry.node, Scalar)}
