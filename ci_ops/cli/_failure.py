"""What is said when a command could not do its work: what, where, what to do."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from ci_ops import __version__
from ci_ops.core.errors import CiOpsError, ConfigError
from ci_ops.core.reasons import REASONS
from ci_ops.core.redact import redact_patterns
from ci_ops.core.text import console_line, one_line
from ci_ops.edge.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TRACE_LINES = 30


def tell_failure(error: CiOpsError, env: Mapping[str, str]) -> int:
    """`error:` and `hint:` for people, an annotation and outputs for a runner; the exit code."""
    runner = Runner.from_env(env, sys.stderr.write)
    lines = [console_line(redact_patterns(line)) for line in str(error).splitlines()]
    hint = redact_patterns(error.hint)
    sys.stderr.write("".join(f"error: {line}\n" for line in lines))
    sys.stderr.write(f"hint: {console_line(hint)}\n")
    runner.set_outputs({"status": "error", "reason": error.reason.name})
    if isinstance(error, ConfigError):
        for problem in error.problems:
            file, line = _place(problem.location)
            sentence = redact_patterns(f"{problem.path}: {problem.sentence}")
            runner.error(one_line(sentence), title="ci-ops configuration", file=file, line=line)
    else:
        sentence = one_line(redact_patterns(f"{error} {hint}"))
        runner.error(sentence, title=f"ci-ops: {error.reason.name}")
    runner.close()
    return error.exit_code


def tell_bug(error: BaseException, *, platform: str, env: Mapping[str, str]) -> int:
    """A block that can be pasted into a report; no value of any variable is in it."""
    runner = Runner.from_env(env, sys.stderr.write)
    frames = traceback.format_exception(type(error), error, error.__traceback__)
    trace = redact_patterns("".join(frames)).splitlines()[-MAX_TRACE_LINES:]
    block = "\n".join([f"ci-ops {__version__}, {platform}", *trace])
    runner.set_outputs({"status": "error", "reason": "bug"})
    sys.stderr.write("error: ci-ops failed in a way nobody foresaw\n")
    sys.stderr.write(f"hint: {REASONS['bug'].advice}\n")
    sys.stderr.flush()
    runner.untrusted(f"----- 8< -----\n{block}\n----- >8 -----")
    runner.error(f"{type(error).__name__}: see the log for a block to report", title="ci-ops: bug")
    runner.close()
    return REASONS["bug"].exit_code


def _place(location: str) -> tuple[str, int]:
    """`ci-ops.yml:12:5` as file and line."""
    parts = location.split(":")
    return parts[0], int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
