"""The line of a program's output that reports the first error."""

from __future__ import annotations

import re

TIME_LIMIT = "the time limit of this step"
"""Ends the line with which the executor itself says why it ended a step."""

_ERRORS = re.compile(
    r"""
      (?:^|[\s:\[(])(?:error|fatal|panic|critical)(?:\ from\ server)?(?:\s?[\[(][^\])]*[\])])?:\s*\S
    | ^npm\ (?:ERR!|error)\s+\S
    | ^E:\s+\S                    # apt-get
    | ^curl:\ \(\d+\)
    | ^[\w./+-]+:\ .*\b(?:cannot|can't|couldn't|could\ not|failed|unable|denied|refused|busy
                        |not\ found|no\ such|no\ space)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EXCEPTION = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Exit)(?::\s|$)")
"""The last line of a Python traceback."""


def error_line(output: str) -> str:
    """Return the first line that reports an error, else the last line; empty for no output.

    Later errors often follow from the first, and the last line is often a
    hint, a summary or a progress bar.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines or lines[-1].endswith(TIME_LIMIT):
        return lines[-1] if lines else ""
    return next((line for line in lines if _ERRORS.search(line) or _EXCEPTION.search(line)), lines[-1])
