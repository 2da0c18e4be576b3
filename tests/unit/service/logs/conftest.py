from collections.abc import Iterator

import pytest

from ci_ops.service.logs.context import frame
from tests.support.log_lines import Lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _empty_context() -> Iterator[None]:
    token = frame.set(None)
    yield
    frame.reset(token)
