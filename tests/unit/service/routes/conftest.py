"""Details of health are open to this machine, as on a laptop; the tests of the gate close them."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _open_to_this_machine() -> Iterator[None]:
    os.environ["CI_OPS_HEALTH_DETAILS"] = "loopback"
    yield
    del os.environ["CI_OPS_HEALTH_DETAILS"]
