"""Details of health are open to this machine, as on a laptop; the tests of the gate close them."""

import pytest


@pytest.fixture(autouse=True)
def _open_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_OPS_HEALTH_DETAILS", "loopback")
