"""Colour on a terminal."""

from __future__ import annotations

import io
import re

import pytest

from ci_ops.session.colour import is_coloured, paint_report


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "terminal", "plain"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"GITHUB_ACTIONS": "true"}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_a_terminal_is_coloured_unless_that_is_unwanted(
    env: dict[str, str], *, terminal: bool, plain: bool
) -> None:
    refused = {"NO_COLOR", "GITHUB_ACTIONS"} & env.keys() or env.get("TERM") == "dumb"
    assert is_coloured(Tty(), env) is (terminal and not refused)
    assert is_coloured(io.StringIO(), env) is plain


def test_colours_change_no_word_of_a_report() -> None:
    text = "FAIL: verify: findings (2 s)\n  hint: look\n\nChecks\n  pass  health  1 s  All is well.\n  fail  tls\n"
    painted = paint_report(text)
    assert re.sub(r"\x1b\[\d*m", "", painted) == text
    assert "\x1b[31mFAIL\x1b[0m: verify" in painted
    assert "\x1b[1mChecks\x1b[0m" in painted
    assert "  \x1b[32mpass\x1b[0m  health" in painted
    assert "  \x1b[31mfail\x1b[0m  tls" in painted
    assert "  \x1b[2mhint\x1b[0m: look" in painted
