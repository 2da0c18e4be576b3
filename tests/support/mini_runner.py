"""Runs a composite action.yml as GitHub's runner does: no INPUT_*, command files per step, real signals.

Source: actions/runner 2.336, FileCommandManager.cs and action_yaml.json.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support import runner_rules
from tests.support.runner_expressions import decide, evaluate, text_of
from tests.support.runner_process import run_process

STEP_KEYS = {"name", "id", "if", "env", "run", "shell", "working-directory", "continue-on-error"}
FILES = ("OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one action left behind, as a reader of the run would see it."""

    conclusion: str
    outputs: dict[str, str]
    summary: str
    log: runner_rules.Log
    steps: dict[str, Any]


@dataclass(kw_only=True)
class Runner:
    """One job: its actions share the machine, the workspace, RUNNER_TEMP and the status."""

    workspace: Path
    temp: Path
    environ: dict[str, str]
    """The machine's own environment: PATH, HOME and the like, nothing of the test's process."""
    github: dict[str, str] = field(default_factory=dict)
    grace_seconds: tuple[float, float] = (7.5, 2.5)
    status: str = "success"

    def run(
        self,
        action: Path,
        inputs: dict[str, str] | None = None,
        cancel_when: Callable[[list[str]], bool] = lambda _lines: False,
    ) -> Result:
        """Run the action in this folder; `cancel_when` is asked with the lines of its log so far."""
        metadata = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
        assert metadata["runs"]["using"] == "composite"
        github = {**self.github, "action_path": str(action), "workspace": str(self.workspace)}
        contexts: dict[str, Any] = {"github": github, "job": {"status": self.status}, "strategy": {}}
        contexts |= {"matrix": {}, "runner": {"temp": str(self.temp), "os": "Linux"}}
        declared = metadata.get("inputs") or {}
        values = {name: evaluate(row.get("default", ""), contexts) for name, row in declared.items()}
        values |= {name: value for name, value in (inputs or {}).items() if name in declared}
        environ = {f"GITHUB_{name.upper()}": value for name, value in github.items() if name != "token"}
        environ |= {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
        }
        contexts |= {"inputs": values, "steps": {}, "env": {}}
        result = _Run(self, contexts, {**self.environ, **environ}, cancel_when).whole(metadata)
        self.status = self.status if result.conclusion == "success" else result.conclusion
        return result


@dataclass
class _Run:
    """One action under way."""

    runner: Runner
    contexts: dict[str, Any]
    environ: dict[str, str]
    cancel_when: Callable[[list[str]], bool]
    status: str = "success"
    summary: str = ""
    lines: list[str] = field(default_factory=list)

    def whole(self, metadata: dict[str, Any]) -> Result:
        """Every step whose `if` holds, then the outputs of the action."""
        for number, step in enumerate(metadata["runs"]["steps"]):
            assert set(step) <= STEP_KEYS, f"a composite step has no {set(step) - STEP_KEYS}"
            outcome, outputs = self.step(step) if self.applies(step) else ("skipped", {})
            tolerated = outcome == "failure" and text_of(step.get("continue-on-error")) == "true"
            conclusion = "success" if tolerated else outcome
            told = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}
            self.contexts["steps"][str(step.get("id", number))] = told
            if self.status == "success" and conclusion != "skipped":
                self.status = conclusion
        rows = (metadata.get("outputs") or {}).items()
        return Result(
            conclusion=self.status,
            outputs={name: evaluate(row["value"], self.contexts) for name, row in rows},
            summary=self.summary,
            log=runner_rules.read_log("\n".join(self.lines)),
            steps=self.contexts["steps"],
        )

    def applies(self, step: dict[str, Any]) -> bool:
        """Whether the step's `if` holds now."""
        return decide(step.get("if", "success()"), self.contexts, self.status)

    def step(self, step: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """One step with command files of its own: how it ended, and its outputs."""
        assert step["shell"] == "bash", "our actions speak bash"
        folder = Path(tempfile.mkdtemp(prefix="_runner_file_commands-", dir=self.runner.temp))
        files = {f"GITHUB_{kind}": folder / kind for kind in FILES}
        for file in files.values():
            file.touch()
        own = {name: evaluate(value, self.contexts) for name, value in step.get("env", {}).items()}
        contexts = {**self.contexts, "env": {**self.contexts["env"], **own}}
        (folder / "step.sh").write_text(evaluate(step["run"], contexts), encoding="utf-8")
        where = self.runner.workspace / evaluate(step.get("working-directory", ""), contexts)
        environ = {**self.environ, **contexts["env"], **{name: str(file) for name, file in files.items()}}
        outcome = run_process(
            folder / "step.sh",
            environ,
            where,
            self.lines,
            cancel_when=self.cancel_when,
            grace_seconds=self.runner.grace_seconds,
        )
        if outcome == "cancelled":
            self.cancel_when = lambda _lines: False  # a run is cancelled once
        if runner_rules.summary_is_kept(files["GITHUB_STEP_SUMMARY"].read_bytes()):
            self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        try:
            outputs = runner_rules.parse_file(files["GITHUB_OUTPUT"].read_bytes())
            self.contexts["env"] |= runner_rules.parse_file(files["GITHUB_ENV"].read_bytes())
        except runner_rules.StepFails as problem:
            self.lines.append(f"::error::Unable to process file command: {problem}")
            return "failure", {}
        for folder_name in files["GITHUB_PATH"].read_text(encoding="utf-8").splitlines():
            self.environ["PATH"] = f"{folder_name}:{self.environ['PATH']}"
        return outcome, outputs
