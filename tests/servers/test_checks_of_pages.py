"""The checks of pages against real frameworks: their debug pages, and the headers of the kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci_ops.checks.debug_page import DebugPage
from ci_ops.checks.security_headers import SecurityHeaders
from ci_ops.core.health.status import Status
from tests.support.checking import a_subject, a_world, rules_of, the_result

if TYPE_CHECKING:
    from tests.support.servers import Launch

GUNICORN = "gunicorn --bind 127.0.0.1:0"


@pytest.mark.parametrize(
    ("application", "status", "rules"),
    [
        ("django(debug=True)", 404, ["debug-page"]),
        ("django(debug=True,empty=True)", 200, ["debug-page"]),
        ("django(debug=False)", 404, []),
        ("flask(debug=True)", 404, ["debugger"]),
        ("flask(debug=False)", 404, []),
    ],
)
def test_debugging_is_seen_at_an_address_that_does_not_exist(
    launch: Launch, application: str, status: int, rules: list[str]
) -> None:
    server = launch(f"{GUNICORN} tests.support.debug_apps:{application}").wait_for_port()
    subject = a_subject(url=f"http://127.0.0.1:{server.port}", timeout_seconds=30.0)
    result = the_result(DebugPage(), subject, a_world())
    assert (rules_of(result), result.facts["status"]) == (rules, status)
    assert result.status is (Status.FAIL if rules else Status.PASS)


def test_the_middleware_of_the_kit_sends_every_recommended_header(launch: Launch) -> None:
    server = launch(f"{GUNICORN} tests.support.debug_apps:kit()").wait_for_port()
    subject = a_subject(url=f"http://127.0.0.1:{server.port}", timeout_seconds=30.0)
    result = the_result(SecurityHeaders(paths=("/", "/api")), subject, a_world())
    assert (rules_of(result), result.status) == ([], Status.PASS)
    assert set(result.facts["answers"].values()) == {"html", "data"}
