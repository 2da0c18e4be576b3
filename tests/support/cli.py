"""Commands run as a process would run them, and what they say with times and places made alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_ops.__main__ import main
from tests.support.golden import assert_golden

_ALIKE = (
    (re.compile(r"\d{8}T\d{6}Z-([0-9a-f]{7}|unknown)"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*(Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (µs|ms|s)\b"), "SECONDS"),
    (re.compile(r"\bPython 3\.\d+\.\d+\b"), "Python VERSION"),
    (re.compile(r"SECONDS {2,}"), "SECONDS  "),  # columns are as wide as their longest number
    (re.compile(r"\b\d+ of \d+ requests"), "N of M requests"),
    (re.compile(r"^::add-mask::.*\n", re.MULTILINE), ""),
    (re.compile(r"\bprocess \d+ on \S+?(?=[),])"), "process PID on HERE"),
    (re.compile(r"`kill \d+` on \S+?(?=[;:])"), "`kill PID` on HERE"),
    (re.compile(r"ghadelimiter_\w+|::stop-commands::\w+"), "::stop-commands::MARK"),
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended, and everything it said."""

    command: str
    code: int
    out: str
    err: str
    folder: Path

    def alike(self, text: str) -> str:
        """The text, the same in every run and on every machine."""
        for pattern, word in _ALIKE:
            text = pattern.sub(word, text)
        return text.replace(str(self.folder), "FOLDER")

    def assert_golden(self, name: str) -> None:
        """Assert exit code and whole output against tests/golden/cli/<name>.txt."""
        parts = [
            f"$ ci-ops {self.command}\n",
            self.out,
            "--- stderr\n",
            self.err,
            f"--- exit code {self.code}\n",
        ]
        assert_golden(f"cli/{name}.txt", self.alike("".join(parts)))


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A folder in which commands are typed."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def set(self, **environ: str) -> None:
        """Set variables for every command from here on."""
        for name, value in environ.items():
            self.monkeypatch.setenv(name, value)

    def run(self, *arguments: str) -> Said:
        """One command in this process."""
        self.monkeypatch.setenv("COLUMNS", "80")
        self.capture.readouterr()
        code = main(list(arguments))
        out, err = self.capture.readouterr()
        return Said(command=" ".join(arguments), code=code, out=out, err=err, folder=self.folder)

    def on_a_runner(self, **more: str) -> dict[str, Path]:
        """Let the next commands find themselves on a GitHub runner; the files they write to."""
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        (self.folder / "temp").mkdir(exist_ok=True)
        self.set(**{name: str(file) for name, file in files.items()})
        self.set(
            GITHUB_ACTIONS="true", GITHUB_REPOSITORY="org/shop", GITHUB_RUN_ID="7", GITHUB_RUN_ATTEMPT="1"
        )
        self.set(GITHUB_SERVER_URL="https://github.com", GITHUB_WORKSPACE=str(self.folder))
        self.set(GITHUB_ACTOR="octocat", RUNNER_TEMP=str(self.folder / "temp"), **more)
        return files
