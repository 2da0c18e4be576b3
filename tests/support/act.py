"""Runs workflows with act in host mode: no Docker, no network, nothing of this machine's own settings.

What act resolves as `org/ci-ops@v1` is a copy of this checkout. What it cannot
show: cancellation, permissions, concurrency, environments.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.support.action_files import workflow_files
from tests.support.parts import ENVIRONMENT, ROOT, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPOSITORY = "org/app"
TOKEN = "ghs_token_of_the_job"
COPIED = ("actions", "ci_ops", "templates", ".github")
NEWER_THAN_ACT = re.compile(r"^ +(?:queue: max|deployment: false)\b.*\n", re.MULTILINE)
"""Keys of 2026 that act 0.2.89 refuses; take this out when it knows them."""
CHECKOUT = """\
name: checkout
description: Stands in for actions/checkout, which act would have to download.
inputs:
  ref: {description: x, default: ""}
  persist-credentials: {description: x, default: "true"}
runs:
  using: composite
  steps:
    - shell: bash
      env: {REF: "${{ inputs.ref }}"}
      run: git clone --quiet "$CALLER" . && git checkout --quiet "${REF:-$GITHUB_SHA}"
"""
_run_ids = count(9001)


def export(folder: Path) -> Path:
    """A copy of what a release holds, small because act copies it for every use; the same for all tests."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / "ours" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "ours" / ".github" / "workflows").glob("*.yml"):
        path.write_text(known_to_act(path), encoding="utf-8")
    (folder / "checkout").mkdir()
    (folder / "checkout" / "action.yml").write_text(CHECKOUT, encoding="utf-8")
    return folder


def known_to_act(path: Path) -> str:
    """The text of a workflow without the keys that act refuses."""
    return NEWER_THAN_ACT.sub("", path.read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True, repr=False)
class Ran:
    """What act said of one run."""

    exit_code: int
    rows: tuple[dict[str, Any], ...]

    def outputs(self, step: str) -> dict[str, str]:
        """The outputs of the step with that id."""
        return {
            row["name"]: row["arg"]
            for row in self.rows
            if row.get("command") == "set-output" and row.get("stepID") == [step]
        }

    @property
    def log(self) -> str:
        """What the steps printed, as a reader sees it."""
        return "".join(row["msg"] for row in self.rows if row.get("raw_output"))

    @property
    def summary(self) -> str:
        """Every job summary; act shows each twice, as the step's and as the action's."""
        return "\n".join(row["content"] for row in self.rows if row.get("command") == "summary")

    @property
    def jobs(self) -> dict[str, str]:
        """How each job ended, by its id."""
        return {row["jobID"]: row["jobResult"] for row in self.rows if "jobResult" in row}

    @property
    def uses(self) -> dict[str, str]:
        """How each of our actions ended, by its name; those that were skipped are missing."""
        steps = ((re.search(r"/actions/(\w+)@v1$", row.get("step", "")), row) for row in self.rows)
        return {
            found[1]: row["stepResult"]
            for found, row in steps
            if found and row.get("stepResult") and row["stage"] == "Main" and len(row["stepID"]) == 1
        }

    def __repr__(self) -> str:
        told = (row["msg"] for row in self.rows if "Repository" not in row.get("msg", "LocalRepository"))
        return f"act ended with {self.exit_code}\n" + "\n".join(map(str.rstrip, told))


@dataclass(frozen=True, kw_only=True)
class Act:
    """act, for one caller's repository."""

    folder: Path
    """Belongs to one test alone."""
    exported: Path
    caller: Path
    api_url: str

    def run(
        self,
        event: str,
        *,
        workflow: str = "",
        matrix: str = "",
        payload: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        machine: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run the caller's workflow of that name, or every one that listens to that event.

        `matrix` chooses of a matrix, as in `os:ubuntu-latest`: act mixes up the
        platforms of several. `machine` is what the runner's own environment holds, beside PATH and HOME.
        """
        event_file = self.folder / "event.json"
        event_file.write_text(json.dumps(payload or {}), encoding="utf-8")
        told = {
            "GITHUB_API_URL": self.api_url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(next(_run_ids)),
        }
        given = {"GITHUB_TOKEN": TOKEN, **(secrets or {})}
        done = subprocess.run(
            [
                *(str(require("act")), event, "--json", "--concurrent-jobs=1", "--no-cache-server"),
                f"--workflows=.github/workflows/{workflow and workflow + '.yml'}",
                *([f"--matrix={matrix}"] if matrix else []),
                *(f"--eventpath={event_file}", "--platform=ubuntu-latest=-self-hosted"),
                *(f"--local-repository={name}={path}" for name, path in self._repositories().items()),
                f"--action-cache-path={self.folder / 'cache'}",
                *(f"--{kind}-file=/dev/null" for kind in ("env", "secret", "var", "input")),
                *(f"--env={name}={value}" for name, value in told.items()),
                *(word for name in given for word in ("--secret", name)),
            ],
            cwd=self.caller,
            env={**self._environment(), **(machine or {}), **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        rows = tuple(json.loads(line) for line in lines)
        ran = Ran(exit_code=done.returncode, rows=(*rows, {"msg": done.stderr}))
        sys.stdout.write(f"{ran!r}\n")  # pytest shows it when the test fails
        return ran

    def _repositories(self) -> dict[str, Path]:
        """What stands in for what act would download."""
        text = "".join(path.read_text(encoding="utf-8") for path in workflow_files())
        (checkout,) = set(re.findall(r"actions/checkout@[0-9a-f]{40}", text))
        return {"org/ci-ops@v1": self.exported / "ours", checkout: self.exported / "checkout"}

    def _environment(self) -> dict[str, str]:
        """No network: the packages of the lock files come from .parts/wheels."""
        wheels = str(require("wheels"))
        return {
            "PATH": f"{ENVIRONMENT}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "xdg"),
            "XDG_CONFIG_HOME": str(self.folder / "xdg"),
            "LANG": "C.UTF-8",
            "ACT_DISABLE_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels,
            "UV_OFFLINE": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": wheels,
            "UV_CACHE_DIR": str(self.exported / "uv"),
            "CALLER": str(self.caller),
        }
