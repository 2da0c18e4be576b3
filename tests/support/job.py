"""One job of a user's workflow on the small runner: our actions one after another, on a live service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.action_files import steps_of, workflow
from tests.support.caller import Caller
from tests.support.mini_runner import Result, Runner
from tests.support.parts import ENVIRONMENT, ROOT, require
from tests.support.runner_expressions import decide
from tests.support.runner_rules import REGISTERED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.github_double import GitHubDouble
    from tests.support.small_service import SmallService

TOKEN = "ghs_token_of_the_job"
_run_ids = count(501)


def offline(folder: Path) -> dict[str, str]:
    """A runner's environment in which packages come from .parts/wheels, and nothing else is there."""
    wheels = str(require("wheels"))
    return {
        "PATH": f"{ENVIRONMENT}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": wheels,
        "UV_CACHE_DIR": f"{folder}/uv",
    }


def install(folder: Path) -> Path:
    """A job's temporary folder in which the packages of all actions are installed already."""
    for name in ("temp", "workspace"):
        (folder / name).mkdir()
    runner = Runner(workspace=folder / "workspace", temp=folder / "temp", environ=offline(folder))
    assert (
        runner.run(ROOT / "actions" / "rollback", {"config": "none.yml"}).outputs["reason"] == "invalid-usage"
    )
    return folder / "temp" / "ci-ops" / "env"


def gated_python(folder: Path) -> Path:
    """An interpreter that holds a command at a line of its journal; see gate.py."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    shutil.copy(ROOT / "tests" / "support" / "gate.py", packages / "sitecustomize.py")
    return folder / "bin" / "python"


@dataclass
class Job:
    """A job that has checked the project out; its steps share a temporary folder."""

    folder: Path
    caller: Caller
    service: SmallService
    github: GitHubDouble
    environ: dict[str, str]
    installed: Path | None = None
    steps: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        number = next(_run_ids)
        self.home = self.folder / f"job-{number}"
        temp = self.home / "temp"
        temp.mkdir(parents=True)
        if self.installed:
            shutil.copytree(self.installed, temp / "ci-ops" / "env", copy_function=os.link)
        self.event = self.home / "event.json"
        self.tell_event({})
        github = {
            "repository": self.github.repository,
            "sha": self.caller.git("rev-parse", "HEAD"),
            "ref": "refs/heads/main",
            "event_name": "push",
            "event_path": str(self.event),
            "api_url": self.github.url,
            "server_url": "https://github.invalid",
            "run_id": str(number),
            "run_attempt": "1",
            "actor": "somebody",
            "token": TOKEN,
        }
        self.runner = Runner(
            workspace=self.caller.folder, temp=temp, environ=dict(self.environ), github=github
        )

    def tell_event(self, payload: Mapping[str, Any]) -> None:
        """What started the run."""
        self.event.write_text(json.dumps(payload), encoding="utf-8")

    def run(
        self,
        name: str,
        cancel_when: Callable[[list[str]], bool] = lambda _lines: False,
        **inputs: str,
    ) -> Result:
        """One step: the action of that name; underscores in inputs stand for hyphens."""
        given = {each.replace("_", "-"): value for each, value in inputs.items()}
        result = self.runner.run(ROOT / "actions" / name, given, cancel_when)
        self.steps[name] = {"outputs": result.outputs}
        sys.stdout.write("\n".join([f"--- {name}: {result.conclusion}", *result.log.shown, ""]))
        return result

    @property
    def would_roll_back(self) -> bool:
        """Whether the workflow's own condition starts the rollback now."""
        document = workflow(ROOT / ".github" / "workflows" / "deploy.yml")
        (step,) = (each for each in steps_of(document) if each.get("id") == "rollback")
        told = {"deploy": {"outputs": {}}, "verify": {"outputs": {}}, **self.steps}
        return decide(step["if"], {"steps": told}, self.runner.status)


def tree(folder: Path) -> dict[str, str]:
    """Every file and link below, with its content; our own records left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/", 1)[0] == ".ci-ops":
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text(encoding="utf-8")
    return found


def commands(result: Result) -> set[str]:
    """The commands that the runner took from a step's log; all of them are its own words."""
    names = {each.name for each in result.log.commands}
    assert names <= REGISTERED
    return names
