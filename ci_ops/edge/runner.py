"""The GitHub runner around us: what it tells, and what we tell it.

The only reader of GITHUB_* and RUNNER_* variables, built from a mapping. Away
from GitHub nothing is written but what a person is meant to read.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ci_ops.core.delivery.record import is_deployment_id
from ci_ops.core.errors import Inconclusive, UsageError
from ci_ops.core.text.lines import one_line
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.spellings import masks_of
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
    from collections.abc import Callable, Iterable, Iterator, Mapping

MAX_ANNOTATIONS = 10
"""Per kind and step; further ones are dropped silently. Source: actions/runner ExecutionContext.cs."""
STATE_FOLDER = ".ci-ops"
_GITHUB, _GITHUB_API = "https://github.com", "https://api.github.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What started this run. Every text is empty where nobody said."""

    event: str = ""
    """Such as `push` or `pull_request`."""
    sha: str = ""
    """GITHUB_SHA: the commit of the event, which is not always the one that is checked out."""
    head_sha: str = ""
    """The head of the pull request; empty for other events."""
    head_branch: str = ""
    followed_sha: str = ""
    """The commit of the run that this one follows (`workflow_run`); empty for other events."""
    followed_branch: str = ""
    pull_request: int | None = None
    """Its number."""
    ref: str = ""
    actor: str = ""
    """Who started the first attempt."""
    triggering_actor: str = ""
    """Who started this attempt: after a re-run, not the actor."""
    workflow: str = ""
    job: str = ""
    """The job's id in its workflow."""
    repository: str = ""
    """`owner/name`."""
    is_fork: bool = False
    """True for a pull request from another repository, or from one that cannot be told."""
    run_id: str = ""
    run_attempt: int = 1
    temp: Path | None = None
    """The job's own temporary folder."""
    workspace: Path | None = None

    @property
    def owner(self) -> str:
        """The attempt of the run, by one name; empty away from GitHub."""
        return f"{self.repository}/{self.run_id}/{self.run_attempt}" if self.run_id else ""


class Runner:
    """The runner's protocol: outputs, summary, annotations, masks, groups.

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
        self._group_depth = 0
        self._summary_is_full = False

    @classmethod
    def from_env(cls, env: Mapping[str, str], write: Callable[[str], object]) -> Runner:
        """The runner that these variables describe; `write` shows text in its log.

        Hand in what writes to stderr: the runner reads commands from both
        streams, and stdout belongs to the report.
        """
        return cls(env, write)

    @property
    def is_github(self) -> bool:
        """True on GitHub Actions, and under act."""
        return self._env.get("GITHUB_ACTIONS") == "true"

    @property
    def is_act(self) -> bool:
        """True under act."""
        return self.is_github and self._env.get("ACT") == "true"

    @property
    def debug(self) -> bool:
        """True when the run was started with debug logging."""
        return self._env.get("RUNNER_DEBUG") == "1"

    @property
    def server_url(self) -> str:
        """The address of GitHub, or of a server of one's own, without a slash at its end."""
        return self._env.get("GITHUB_SERVER_URL", "").rstrip("/") or _GITHUB

    @property
    def api_url(self) -> str:
        """The REST API's address, without a slash at its end."""
        given = self._env.get("GITHUB_API_URL", "").rstrip("/")
        return given or (_GITHUB_API if self.server_url == _GITHUB else f"{self.server_url}/api/v3")

    @property
    def token(self) -> Secret | None:
        """The token in GITHUB_TOKEN, which GitHub itself never sets.

        None for none.
        """
        token = self._env.get("GITHUB_TOKEN", "").strip()
        return Secret(token) if token else None

    @property
    def run_url(self) -> str:
        """Where this run, or exactly this job, can be read.

        Empty away from GitHub.

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
        """What started this run."""
        env, event = self._env, self._event
        name = env.get("GITHUB_EVENT_NAME", "")
        head = _inside(event, "pull_request", "head")
        is_pull_request = bool(head) or name.startswith("pull_request")
        repository = env.get("GITHUB_REPOSITORY", "")
        from_repository = _text(_inside(head, "repo"), "full_name")
        attempt = env.get("GITHUB_RUN_ATTEMPT", "")
        run_id = env.get("GITHUB_RUN_ID", "")
        return RunContext(
            event=name,
            sha=env.get("GITHUB_SHA", ""),
            head_sha=_text(head, "sha"),
            head_branch=_text(head, "ref"),
            followed_sha=_text(event.get("workflow_run"), "head_sha"),
            followed_branch=_text(event.get("workflow_run"), "head_branch"),
            pull_request=_number(_inside(event, "pull_request", "number")),
            ref=env.get("GITHUB_REF", ""),
            actor=env.get("GITHUB_ACTOR", ""),
            triggering_actor=env.get("GITHUB_TRIGGERING_ACTOR", ""),
            workflow=env.get("GITHUB_WORKFLOW", ""),
            job=env.get("GITHUB_JOB", ""),
            repository=repository,
            is_fork=is_pull_request and from_repository.casefold() != repository.casefold(),
            run_id=run_id if run_id.isascii() and run_id.isdigit() else "",
            run_attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 1,
            temp=_folder(env, "RUNNER_TEMP"),
            workspace=_folder(env, "GITHUB_WORKSPACE"),
        )

    @cached_property
    def _event(self) -> dict[str, Any]:
        """The event's payload; empty when it cannot be read."""
        try:
            payload = json.loads(Path(self._env.get("GITHUB_EVENT_PATH", "")).read_bytes())
        except (OSError, ValueError):
            return {}
        return payload if isinstance(payload, dict) else {}

    def is_within_workspace(self, folder: Path) -> bool:
        """Return True for the job's workspace and the folders in it, which the runner itself has filled."""
        workspace = self.context.workspace
        if not self.is_github or workspace is None:
            return False
        return folder.resolve().is_relative_to(workspace.resolve())

    def place_of(self, file: str, folder: Path) -> str:
        """Return the file as annotations name it: relative to the workspace.

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
        """Where state is kept between the actions of one job.

        Else between runs in one folder.
        """
        temp = self.context.temp
        return temp / "ci-ops" if self.is_github and temp else Path(STATE_FOLDER)

    def state_dir(self, deployment_id: str) -> Path:
        """The folder of one deployment's record, journal and report.

        Not made here.
        """
        if not is_deployment_id(deployment_id):
            raise UsageError(f"{deployment_id!r} is not a deployment id")
        return self.state_root / deployment_id

    def set_output(self, name: str, value: str) -> None:
        """Set one output of the step."""
        self.set_outputs({name: value})

    def set_outputs(self, values: Mapping[str, str]) -> None:
        r"""Set outputs of the step; every line end in them becomes `\n`."""
        entries = "".join(output_entry(name, value) for name, value in values.items())
        self._append("GITHUB_OUTPUT", encoded(entries))

    def summary(self, markdown: str) -> None:
        """Add to the job summary, cut at what GitHub shows of one step.

        A notice says so.
        """
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
        """Add to one of the runner's files; nothing where there is none."""
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
        """Show an error at the run, and at the file's line where one is given."""
        self._annotate("error", message, title=title, file=file, line=line)

    def warning(self, message: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Show a warning at the run, and at the file's line where one is given."""
        self._annotate("warning", message, title=title, file=file, line=line)

    def notice(self, message: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Show a notice at the run, and at the file's line where one is given."""
        self._annotate("notice", message, title=title, file=file, line=line)

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
        """Have the runner hide these values and their usual encodings in its log.

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
        """Show text from outside so that no line of it is taken for a command."""
        lines = inert(text)
        if not lines.endswith("\n"):
            lines += "\n"
        with self._lock:
            if not self.is_github:
                self._write(lines)
                return
            token = fresh_token(lines)
            self._write(f"::stop-commands::{token}\n{lines}::{token}::\n")

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is shown meanwhile under a title.

        Groups inside a group are not folded again.
        """
        outermost = self._enter_group(title)
        try:
            yield
        finally:
            with self._lock:
                self._group_depth -= 1
                if outermost and self.is_github:
                    self._write(command("endgroup"))

    def _enter_group(self, title: str) -> bool:
        with self._lock:
            self._group_depth += 1
            outermost = self._group_depth == 1
            if outermost and self.is_github:
                self._write(command("group", one_line(title)))
            return outermost


def _has_line_end(form: str) -> bool:
    """True for a spelling that the runner would split into lines, short ones included."""
    return "\n" in form or "\r" in form


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _inside(document: object, *keys: str) -> object:
    """What lies at the end of the keys; None where the document has another shape."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _text(document: object, key: str) -> str:
    value = _inside(document, key)
    return value if isinstance(value, str) else ""
