"""TerminalProgress for people: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.report import StepOutcome, StepState
from ci_ops.core.result import Finding, Result
from ci_ops.core.text.redact import Redactor
from ci_ops.session.progress import TAIL_LINES, TerminalProgress, is_live
from tests.support.parts import ROOT

SECRET = "correct-horse-battery"
CONFIG = """\
version: 1
service: shop
readiness: {checks: {slow: {type: command, run: "sleep 0.05"}, bad: {type: command, run: "exit 3"}}}
deploy: {target: {type: command, run: "sleep 0.05", undo: "true"}, verify: false}
"""


class Stream(io.StringIO):
    """A stream of another encoding than StringIO's none."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override] # StringIO has none
        return self._encoding


def progress(encoding: str = "utf-8", *, live: bool = False) -> tuple[TerminalProgress, Stream]:
    stream = Stream(encoding)

    def untrusted(text: str) -> None:
        stream.write(f"<{text}>\n")

    return TerminalProgress(stream, live=live, untrusted=untrusted, redact=Redactor([SECRET])), stream


def a_step(state: StepState, **more: object) -> StepOutcome:
    values: dict[str, object] = {
        "key": "k",
        "title": "Switch over",
        "state": state,
        "changes": True,
        "seconds": 2.5,
    }
    return StepOutcome(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "lines"),
    [
        (a_step(StepState.DONE), ["  ✓ Switch over (2.5 s)"]),
        (a_step(StepState.DONE, replayed=True), ["  ✓ Switch over (2.5 s, already done)"]),
        (a_step(StepState.UNDONE), ["  ✓ Switch over (undone, 2.5 s)"]),
        (
            a_step(StepState.PLANNED, run="ln -s\nmv"),
            ["  ✓ Switch over (would run)", "<      ln -s", "      mv>"],
        ),
        (a_step(StepState.LEFT, output="it is a build"), ["  - Switch over: left as it is, it is a build"]),
        (a_step(StepState.FAILED), ["  ✗ Switch over (2.5 s)"]),
        (
            a_step(StepState.FAILED, output="no\nroom"),
            ["  ✗ Switch over (2.5 s)", "<      no", "      room>"],
        ),
        (a_step(StepState.INTERRUPTED), ["  ✗ Switch over (ended by the stop, 2.5 s)"]),
    ],
    ids=lambda value: str(value.state) if isinstance(value, StepOutcome) else "",
)
def test_each_outcome_of_a_step_is_one_line_and_what_it_said(outcome: StepOutcome, lines: list[str]) -> None:
    shown, stream = progress()
    shown.step(outcome)
    assert stream.getvalue().splitlines() == lines


def test_a_plan_that_the_report_lists_is_left_to_it() -> None:
    stream = Stream("utf-8")
    shown = TerminalProgress(stream, live=False, shows_plan=False, untrusted=print, redact=Redactor())
    shown.step(a_step(StepState.PLANNED, run="make"))
    assert stream.getvalue() == ""


def test_of_a_long_output_the_end_is_shown(tmp_path: Path) -> None:
    shown, stream = progress()
    shown.step(a_step(StepState.FAILED, output="\n".join(f"line {number}" for number in range(100))))
    said = stream.getvalue()
    assert said.count("line ") == TAIL_LINES
    assert "line 99" in said


@pytest.mark.parametrize(("encoding", "sign"), [("utf-8", "…"), ("ascii", "wait")])
def test_a_check_that_is_asked_again_says_what_it_sees_and_for_how_long(encoding: str, sign: str) -> None:
    shown, stream = progress(encoding)
    shown.retry("health", f"https://shop/health answers 500 {SECRET}.\n", 95.0)
    assert stream.getvalue() == (
        f"  {sign} health: https://shop/health answers 500 ***. Asked again for up to 1 m 35 s.\n"
    )


def test_a_result_names_its_findings_with_what_to_do() -> None:
    shown, stream = progress()
    finding = Finding(
        rule="health/status", severity=Status.FAIL, sentence="It answers 503.", advice="Look at its log."
    )
    warned = Finding(rule="tls/old", severity=Status.WARN, sentence="Said already.", advice="")
    shown.result(
        Result(check="health", status=Status.FAIL, measured=1, sentence="Not well.", findings=(finding,))
    )
    shown.result(
        Result(check="tls", status=Status.WARN, measured=1, sentence="Said already.", findings=(warned,))
    )
    assert stream.getvalue().splitlines() == [
        "  ✗ health: Not well.",
        "      It answers 503.",
        "        Look at its log.",
        "  ! tls: Said already.",
    ]


def test_where_signs_cannot_be_shown_there_are_words() -> None:
    shown, stream = progress("ascii")
    shown.step(a_step(StepState.FAILED))
    shown.step(a_step(StepState.DONE))
    assert stream.getvalue().splitlines() == ["  FAIL Switch over (2.5 s)", "  ok Switch over (2.5 s)"]


def test_text_from_outside_neither_moves_the_cursor_nor_shows_a_secret() -> None:
    shown, stream = progress(live=True)
    hostile = f"\x1b[2J::error::x\r{SECRET}\nnext"
    shown.phase(hostile)
    shown.begin(hostile)
    shown.step(a_step(StepState.FAILED, title=hostile, output=hostile))
    shown.note(hostile)
    said = stream.getvalue().replace("\r\x1b[2K", "")
    assert "\x1b" not in said
    assert "\r" not in said
    assert SECRET not in said


def test_a_live_line_gives_way_to_the_next_and_elsewhere_there_is_none() -> None:
    live, on_terminal = progress(live=True)
    plain, elsewhere = progress()
    for shown in (live, plain):
        shown.begin("Build")
        shown.step(a_step(StepState.DONE))
    clear = "\r\x1b[2K"
    assert on_terminal.getvalue() == f"{clear}  … Build{clear}  ✓ Switch over (2.5 s)\n"
    assert elsewhere.getvalue() == "  ✓ Switch over (2.5 s)\n"


@pytest.mark.parametrize(
    ("env", "live"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "GITHUB_ACTIONS": "true"}, False),
    ],
    ids=str,
)
def test_a_live_line_is_for_a_terminal_that_is_no_runners(env: Mapping[str, str], live: bool) -> None:
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "w") as terminal:
            assert is_live(terminal, env) == live
    finally:
        os.close(master)
    assert not is_live(io.StringIO(), env)


def seen_on_a_terminal(folder: Path, *arguments: str, **env: str) -> bytes:
    """What the command shows on a terminal of its own."""
    master, slave = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm", "LANG": "C.UTF-8", **env}
    command = [sys.executable, "-X", "utf8", "-m", "ci_ops", *arguments]
    child = subprocess.Popen(command, cwd=folder, env=environ, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    said = b""
    try:
        while select.select([master], [], [], 30)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # how Linux says that nobody holds the other end any more
                break
            if not chunk:
                break
            said += chunk
    finally:
        child.wait(30)
        os.close(master)
    return said


def test_a_person_at_a_terminal_sees_the_running_step(tmp_path: Path) -> None:
    (tmp_path / "ci-ops.yml").write_text(CONFIG)
    said = seen_on_a_terminal(tmp_path, "deploy", "--revision", "1" * 40).decode()
    assert (
        "\r\x1b[2K  … Run the deployment command\r\x1b[2K  \x1b[32m✓\x1b[0m Run the deployment command ("
        in said
    )
    plain = seen_on_a_terminal(tmp_path, "deploy", "--revision", "2" * 40, NO_COLOR="1").decode()
    assert "\x1b" not in plain
    assert "  ✓ Run the deployment command (" in plain
