from collections.abc import Iterator

import pytest

from ci_ops.service.health import providers
from ci_ops.service.logs.context import frame
from tests.support.layers import KINDS, Kind, Kit
from tests.support.log_lines import Lines


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


@pytest.fixture
def kit(lines: Lines) -> Kit:
    return Kit(logger=lines.name)


@pytest.fixture(autouse=True)
def _own_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_providers", dict(providers._providers))


@pytest.fixture(autouse=True)
def _no_context_is_left_behind() -> Iterator[None]:
    assert frame.get() is None
    yield
    left = frame.get()
    frame.set(None)
    assert left is None
