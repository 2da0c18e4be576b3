from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sample_service import SampleService, sample_service


@pytest.fixture
def service() -> Iterator[SampleService]:
    """A real service whose answers the test decides."""
    with sample_service() as service:
        yield service


@pytest.fixture
def shop_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver gives the name shop.test two addresses of this machine."""
    resolve = socket.getaddrinfo

    def resolve_here(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        places = ("127.0.0.1", "127.0.0.2") if host == "shop.test" else (host,)
        return [found for place in places for found in resolve(place, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
