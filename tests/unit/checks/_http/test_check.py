"""What every check that sends HTTP requests refuses before it sends one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks.endpoints import Endpoints
from ci_ops.checks.health import Health
from ci_ops.checks.revision import Revision
from ci_ops.core.text.secret import Secret
from tests.support.cli import Terminal

MAKE: dict[str, Callable[[dict[str, Secret]], object]] = {
    "health": lambda headers: Health(send_headers=headers),
    "revision": lambda headers: Revision(send_headers=headers),
    "endpoints": lambda headers: Endpoints(paths={"/": Expectation()}, send_headers=headers),
}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Key", "first\nsecond"), ("X-Key", "a\r\nX: b"), ("X-Key", "\u4e2d"), ("X Key", "value")],
)
def test_a_header_that_http_cannot_carry_is_refused_without_its_value(
    kind: str, name: str, value: str
) -> None:
    with pytest.raises(ValueError, match=r"^send-headers: .*header.*HTTP can") as caught:
        MAKE[kind]({name: Secret(value)})
    assert value not in str(caught.value)


def test_a_secret_of_two_lines_in_a_header_is_a_problem_of_the_configuration(terminal: Terminal) -> None:
    terminal.set(HEALTH_TOKEN="first-line\nsecond-line")
    terminal.write(
        "ci-ops.yml",
        "version: 1\nservice: shop\nverify: {url: 'http://127.0.0.1:9', checks: {health: "
        "{send-headers: {Authorization: 'Bearer ${HEALTH_TOKEN}'}}}}\n",
    )
    for command in (("config", "check"), ("verify", "--deadline", "0")):
        said = terminal.run(*command)
        assert said.code == 2
        assert "the header Authorization has a line break" in said.err
        assert "first-line" not in said.err + said.out
