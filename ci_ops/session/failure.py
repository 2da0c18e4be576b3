"""Error messages of a command: what happened, where, and what to do."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops import __version__
from ci_ops.core.errors import CiOpsError, ConfigError, UsageError
from ci_ops.core.reasons import REASONS
from ci_ops.core.text.lines import as_sentence, console_line, one_line
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.escape import md
from ci_ops.edge.runner import Runner
from ci_ops.session.colour import paint_error
from ci_ops.session.environment import likely_secrets
from ci_ops.session.secrets import secrets_of_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.core.errors import Problem

MAX_TRACE_LINES = 30


def report_failure(error: CiOpsError, env: Mapping[str, str]) -> int:
    """Write `error:` and `hint:` to stderr, annotation and outputs to the runner; return the exit code."""
    runner = Runner.from_env(env, sys.stderr.write)
    redact = _redactor(env).own
    lines = [console_line(redact(line)) for line in str(error).splitlines()]
    hint = console_line(redact(error.hint))
    sys.stderr.write("".join(paint_error(f"error: {line}\n") for line in lines))
    sys.stderr.write(paint_error(f"hint: {hint}\n"))
    _write_files(runner, error.reason.name, _summary(error.reason.name, lines, hint))
    if isinstance(error, ConfigError):
        for problem in error.problems:
            file, line = place_of(problem)
            sentence = ": ".join(part for part in (problem.path, problem.sentence) if part)
            place = runner.place_of(file, error.folder or Path.cwd())
            runner.error(one_line(sentence), title="ci-ops configuration", file=place, line=line)
    else:
        runner.error(f"{as_sentence(' '.join(lines))} {hint}", title=f"ci-ops: {error.reason.name}")
    runner.close()
    return error.exit_code


def _redactor(env: Mapping[str, str]) -> Redactor:
    """Return the redactor of the session, or one with the environment's secrets if it failed to open."""
    try:
        return Redactor(secrets_of_environment(env))
    except UsageError:
        return Redactor(likely_secrets(env))  # CI_OPS_ENV is malformed, and no value of it was used


def _write_files(runner: Runner, reason: str, summary: str) -> None:
    """Write outputs and job summary; if the runner's files cannot be written, write to the log only."""
    try:
        runner.set_outputs({"status": "error", "reason": reason})
        runner.summary(summary)
    except CiOpsError as error:
        sys.stderr.write(f"error: {error}\n")


def _summary(reason: str, lines: list[str], hint: str) -> str:
    """Return the job summary of a command that failed without a report."""
    listed = "".join(f"- {md(line)}\n" for line in lines)
    return f"## ⛔ ci-ops: {reason}\n\n{listed}\n> **What to do:** {md(hint)}\n"


def report_bug(error: BaseException, *, platform: str, env: Mapping[str, str]) -> int:
    """Write a block to paste into a bug report; it contains no value of any variable."""
    runner = Runner.from_env(env, sys.stderr.write)
    frames = traceback.format_exception(type(error), error, error.__traceback__)
    trace = _redactor(env)("".join(frames)).splitlines()[-MAX_TRACE_LINES:]
    block = "\n".join([f"ci-ops {__version__}, {platform}", *trace])
    lines = [f"{type(error).__name__}: the log has a block to report"]
    _write_files(runner, "bug", _summary("bug", lines, REASONS["bug"].advice))
    sys.stderr.write("error: ci-ops failed unexpectedly\n")
    sys.stderr.write(f"hint: {REASONS['bug'].advice}\n")
    sys.stderr.flush()
    runner.untrusted(f"----- 8< -----\n{block}\n----- >8 -----")
    runner.error(f"{type(error).__name__}: see the log for a block to report", title="ci-ops: bug")
    runner.close()
    return REASONS["bug"].exit_code


def place_of(problem: Problem) -> tuple[str, int]:
    """Return file and line of a location such as `ci-ops.yml:12:5`; empty and 0 without one."""
    parts = problem.location.split(":")
    return parts[0], int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
