"""The protocol of the GitHub runner: its variables, outputs, summaries and commands.

The only reader of GITHUB_* and RUNNER_* variables, built from a mapping. Away
from GitHub nothing is written but what a person is meant to read.
"""

from __future__ import annotations

import threading
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ci_ops.core.errors import Inconclusive
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.spellings import masks_of
from ci_ops.edge.run_context import RunContext, context_of
from ci_ops.edge.runner_text import (
    MAX_SUMMARY_BYTES,
    command,
    cut_message,
    encoded,
    fit_summary,
    fresh_token,
    inert,
    output_entry,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_ANNOTATIONS = 10
"""Per kind and step; further ones are dropped silently. Source: actions/runner ExecutionContext.cs."""
STATE_FOLDER = ".ci-ops"
_GITHUB, _GITHUB_API = "https://github.com", "https://api.github.com"


class Runner:
    """The GitHub runner: outputs, summary, annotations, masks.

    Safe to share between threads. `close` writes the annotations that were
    held back; nothing is lost but them when a run is killed.
    """

    def __init__(self, env: Mapping[str, str], write: Callable[[str], object]) -> None:
        self._env = env
        self._write = write
        self._lock = threading.RLock()
        self._annotated: Counter[str] = Counter()
        self._held: dict[str, str] = {}
        self._masked: set[str] = set()
        self._summary_is_full = False

    @classmethod
    def from_env(cls, env: Mapping[str, str], write: Callable[[str], object]) -> Runner:
        """Return the runner that these variables describe; `write` prints to its log.

        Hand in what writes to stderr: the runner reads commands from both
        streams, and stdout belongs to the report.
        """
        return cls(env, write)

    @property
    def is_github(self) -> bool:
        """True on GitHub Actions, and under act."""
        return self._env.get("GITHUB_ACTIONS") == "true"

    @property
    def server_url(self) -> str:
        """The URL of GitHub, or of a GitHub Enterprise Server, without a trailing slash."""
        return self._env.get("GITHUB_SERVER_URL", "").rstrip("/") or _GITHUB

    @property
    def api_url(self) -> str:
        """The URL of the REST API, without a trailing slash."""
        given = self._env.get("GITHUB_API_URL", "").rstrip("/")
        return given or (_GITHUB_API if self.server_url == _GITHUB else f"{self.server_url}/api/v3")

    @property
    def token(self) -> Secret | None:
        """The token in GITHUB_TOKEN, which GitHub itself never sets; None if unset."""
        token = self._env.get("GITHUB_TOKEN", "").strip()
        return Secret(token) if token else None

    @property
    def run_url(self) -> str:
        """The URL of this run, or of exactly this job; empty away from GitHub.

        The job's number comes in CI_OPS_CHECK_RUN_ID, from `job.check_run_id`.
        """
        server = self._env.get("GITHUB_SERVER_URL", "").rstrip("/")
        context = self.context
        if not (server.startswith(("https://", "http://")) and context.repository and context.run_id):
            return ""
        run = f"{server}/{context.repository}/actions/runs/{context.run_id}"
        job = self._env.get("CI_OPS_CHECK_RUN_ID", "")
        return f"{run}/job/{job}" if job.isascii() and job.isdigit() else run

    @cached_property
    def context(self) -> RunContext:
        """The context of this run."""
        return context_of(self._env)

    def is_within_workspace(self, folder: Path) -> bool:
        """Return True for folders in the job's workspace, whose contents come from the runner."""
        workspace = self.context.workspace
        if not self.is_github or workspace is None:
            return False
        return folder.resolve().is_relative_to(workspace.resolve())

    def place_of(self, file: str, folder: Path) -> str:
        """Return the file's path for annotations, relative to the workspace.

        `file` is relative to `folder`, or to the root of the repository.
        """
        workspace = self.context.workspace
        if not file or workspace is None:
            return file
        workspace = workspace.resolve()
        path = next(
            (each for each in (folder / file, workspace / file) if each.exists()), folder / file
        ).resolve()
        return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else file

    @property
    def state_root(self) -> Path:
        """The folder for state between the actions of one job, else between runs in one folder."""
        temp = self.context.temp
        return temp / "ci-ops" if self.is_github and temp else Path(STATE_FOLDER)

    def set_output(self, name: str, value: str) -> None:
        """Set one output of the step."""
        self.set_outputs({name: value})

    def set_outputs(self, values: Mapping[str, str]) -> None:
        r"""Set outputs of the step; every line end becomes `\n`."""
        entries = "".join(output_entry(name, value) for name, value in values.items())
        self._append("GITHUB_OUTPUT", encoded(entries))

    def summary(self, markdown: str) -> None:
        """Append to the job summary, cut at GitHub's limit for one step with a notice."""
        path = self._env.get("GITHUB_STEP_SUMMARY", "")
        if not path:
            return
        with self._lock:
            if self._summary_is_full:
                return
            if not markdown.endswith("\n"):
                markdown += "\n"
            room_bytes = MAX_SUMMARY_BYTES - _size_bytes(Path(path))
            self._summary_is_full = len(encoded(markdown)) > room_bytes
            self._append("GITHUB_STEP_SUMMARY", fit_summary(markdown, room_bytes))

    def _append(self, variable: str, content: bytes) -> None:
        """Append to one of the runner's files; do nothing where there is none."""
        path = self._env.get(variable, "")
        if not path or not content:
            return
        try:
            with self._lock, Path(path).open("ab") as file:
                file.write(content)
        except OSError as error:
            raise Inconclusive(
                f"cannot write the file of {variable}: {error.strerror}",
                hint="Check the disk of the runner, and that no step has removed its files.",
            ) from error

    def error(self, message: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Write an error annotation, at the file's line where one is given."""
        self._annotate("error", message, title=title, file=file, line=line)

    def warning(self, message: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Write a warning annotation, at the file's line where one is given."""
        self._annotate("warning", message, title=title, file=file, line=line)

    def _annotate(self, kind: str, message: str, *, title: str, file: str, line: int) -> None:
        if not self.is_github:
            return
        where = {"file": file, "line": str(line) if line > 0 else ""} if file else {}
        text = command(kind, cut_message(inert(message)), title=title, **where)
        with self._lock:
            self._annotated[kind] += 1
            if self._annotated[kind] < MAX_ANNOTATIONS:
                self._write(text)
            elif self._annotated[kind] == MAX_ANNOTATIONS:
                self._held[kind] = text

    def close(self) -> None:
        """Write the tenth annotation of each kind, or how many more there were."""
        with self._lock:
            for kind, held in self._held.items():
                more = self._annotated[kind] - MAX_ANNOTATIONS + 1
                self._write(held if more == 1 else command(kind, f"and {more} more, see the summary"))
            self._held.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def mask(self, secrets: Iterable[str | Secret]) -> None:
        """Mask these values and their usual encodings in the runner's log.

        Call it before anything else is printed. Values shorter than eight
        characters are left alone: hiding them would hide ordinary words.
        """
        if not self.is_github:
            return
        plain = (each.reveal() if isinstance(each, Secret) else each for each in secrets)
        forms = {form for value in plain for form in masks_of(value) if not _has_line_end(form)}
        with self._lock:
            fresh = sorted(forms - self._masked)
            self._masked.update(fresh)
            if fresh:
                self._write("".join(command("add-mask", form) for form in fresh))

    def untrusted(self, text: str) -> None:
        """Print untrusted text so that no line of it is executed as a command."""
        lines = inert(text)
        if not lines.endswith("\n"):
            lines += "\n"
        with self._lock:
            if not self.is_github:
                self._write(lines)
                return
            token = fresh_token(lines)
            self._write(f"::stop-commands::{token}\n{lines}::{token}::\n")


def _has_line_end(form: str) -> bool:
    """Return True for a value that the runner would split into lines, short ones included."""
    return "\n" in form or "\r" in form


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
