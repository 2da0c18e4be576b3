"""Progress output: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, TextIO

from ci_ops.core.health.status import Status
from ci_ops.core.report import EVIDENCE, StepOutcome, StepState
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import console_line
from ci_ops.session.colour import paint_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ci_ops.core.result import Result
    from ci_ops.core.text.redact import Redactor

_STATUS_SIGNS = {Status.PASS: "✓", Status.WARN: "!", Status.SKIP: "-", Status.FAIL: "✗", Status.ERROR: "✗"}
_PLAIN_SIGNS = {
    Status.PASS: "ok",
    Status.WARN: "warn",
    Status.SKIP: "skip",
    Status.FAIL: "FAIL",
    Status.ERROR: "ERROR",
}
_TOLD = {
    StepState.PLANNED: "would run",
    StepState.UNDONE: "undone",
    StepState.INTERRUPTED: "ended by the stop",
}
_CLEAR_LINE = "\r\x1b[2K"
TAIL_LINES = 20
"""Of a failed step's output that is shown at once; the report has more."""


class TerminalProgress:
    """Progress on a stream; safe to call from several threads."""

    def __init__(
        self,
        stream: TextIO,
        *,
        live: bool,
        coloured: bool = False,
        shows_plan: bool = True,
        untrusted: Callable[[str], None],
        redact: Redactor,
    ) -> None:
        self._stream = stream
        self._redact = redact
        self._live = live
        self._coloured = coloured
        self._shows_plan = shows_plan
        self._untrusted = untrusted
        self._lock = threading.Lock()
        is_plain = not _can_show(stream, "✓✗…")
        self._signs = _PLAIN_SIGNS if is_plain else _STATUS_SIGNS
        self._waiting = "wait" if is_plain else "…"

    def phase(self, title: str) -> None:
        """Write a heading."""
        self._line(console_line(title))

    def begin(self, title: str) -> None:
        """Show the live line of a step; elsewhere write nothing until the step has finished."""
        if self._live:
            with self._lock:
                self._stream.write(f"{_CLEAR_LINE}  … {self._redact.own(console_line(title))}")
                self._stream.flush()

    def step(self, outcome: StepOutcome) -> None:
        """Write the line of a finished step, and the tail of its output if it failed."""
        if outcome.state is StepState.PLANNED and not self._shows_plan:
            return
        failed = outcome.state in {StepState.FAILED, StepState.WARNED, StepState.INTERRUPTED}
        bad = Status.WARN if outcome.state is StepState.WARNED else Status.FAIL
        sign = self._signs[bad if failed else Status.PASS]
        if outcome.state is StepState.LEFT:
            self._line(f"  - {console_line(outcome.title)}: left as it is, {console_line(outcome.output)}")
            return
        word = _TOLD.get(outcome.state, "")
        seconds = "" if outcome.state is StepState.PLANNED else format_duration(outcome.seconds)
        more = ", ".join(part for part in (word, seconds, "already done" if outcome.replayed else "") if part)
        self._line(f"  {sign} {console_line(outcome.title)} ({more})")
        if outcome.state is StepState.PLANNED:
            self._block(outcome.run)
        if (failed or outcome.phase == EVIDENCE) and outcome.output:
            self._block("\n".join(outcome.output.splitlines()[-TAIL_LINES:]))

    def result(self, result: Result) -> None:
        """Write one line for the check and one for each finding with its advice."""
        self._line(f"  {self._signs[result.status]} {result.check}: {console_line(result.sentence)}")
        for finding in result.findings:
            if finding.sentence != result.sentence:
                self._line(f"      {console_line(finding.sentence)}")
            if finding.advice:
                self._line(f"        {console_line(finding.advice)}")

    def retry(self, check: str, sentence: str, left_seconds: float) -> None:
        """Write one line for a check that is being retried."""
        left = format_duration(left_seconds)
        self._line(f"  {self._waiting} {check}: {console_line(sentence)} Asked again for up to {left}.")

    def note(self, sentence: str) -> None:
        """Write a note for the reader."""
        self._line(f"  note: {console_line(sentence)}")

    def _line(self, text: str) -> None:
        with self._lock:
            line = self._redact.own(text)
            line = paint_report(line) if self._coloured else line
            self._stream.write(f"{_CLEAR_LINE if self._live else ''}{line}\n")
            self._stream.flush()

    def _block(self, text: str) -> None:
        with self._lock:
            self._stream.flush()
            lines = self._redact.own(text).splitlines()
            self._untrusted("\n".join(f"      {console_line(line)}" for line in lines))


def is_live(stream: TextIO, env: Mapping[str, str]) -> bool:
    """True on an interactive terminal outside a runner, unless plain text was requested.

    `act` gives its steps a terminal, so the runner's variables are checked first.
    """
    if env.get("GITHUB_ACTIONS") or env.get("NO_COLOR") or env.get("TERM") == "dumb":
        return False
    return stream.isatty() and sys.platform != "win32"


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
