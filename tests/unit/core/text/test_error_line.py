from __future__ import annotations

import pytest

from ci_ops.core.text.error_line import TIME_LIMIT, error_line


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Could not find a version that satisfies the requirement shop==9",
        "npm ERR! code E404",
        "npm error Missing script: build",
        "fatal: not a git repository",
        "bash: line 3: make: command not found",
        "/bin/sh: 3: make: not found",
        "shop/views.c:3:9: error: expected ';'",
        "error[E0432]: unresolved import",
        'Error from server (NotFound): deployments.apps "shop" not found',
        "E: Unable to locate package nginx",
        "curl: (7) Failed to connect to 127.0.0.1 port 8000",
        "cp: cannot stat 'dist': No such file or directory",
        "mkdir: cannot create directory 'x': No space left on device",
        "ModuleNotFoundError: No module named 'shop'",
        "django.db.utils.OperationalError: connection refused",
        "psql: error: connection to server failed",
    ],
)
def test_the_first_error_is_the_headline_not_what_follows_from_it(line: str) -> None:
    before = "Collecting shop\n  0 errors so far\nTraceback (most recent call last):\n"
    output = f"{before}{line}\nerror: exit 1\n[notice] bye\n"
    assert error_line(output) == line


@pytest.mark.parametrize(
    "output", ["one\nno error here\nlast", "errors: 0\nlast\n\n", "Found 0 errors in 3 files\nlast", "last"]
)
def test_without_an_error_it_is_the_last_line(output: str) -> None:
    assert error_line(output) == "last"


def test_the_time_limit_of_a_step_comes_before_what_it_printed() -> None:
    assert error_line(f"error: retrying\nended after 9 s: {TIME_LIMIT}") == f"ended after 9 s: {TIME_LIMIT}"


def test_of_nothing_there_is_no_line() -> None:
    assert error_line(" \n ") == ""
