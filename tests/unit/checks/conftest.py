from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ci_ops.core.plugin import Check
from ci_ops.core.result import Finding
from tests.support.examples import filled
from tests.support.sample_service import SampleService, sample_service


@pytest.fixture
def service() -> Iterator[SampleService]:
    """A real service whose answers the test decides."""
    with sample_service() as service:
        yield service


@pytest.fixture(autouse=True)
def _reports(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test whose mark names a rule that no check reported while it ran."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    marks = request.node.iter_markers("reports")
    promised = {each for mark in marks for rule in mark.args for each in filled(rule, parameters)}
    reported: set[str] = set()
    make = Check.finding

    def finding(check: Check, rule: str, *arguments: Any, **named: Any) -> Finding:
        found = make(check, rule, *arguments, **named)
        reported.add(found.rule)
        return found

    if promised:
        monkeypatch.setattr(Check, "finding", finding)
    yield
    assert promised <= reported, f"marked with rules that were not reported: {sorted(promised - reported)}"


@pytest.fixture
def shop_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver gives the name shop.test two addresses of this machine."""
    resolve = socket.getaddrinfo

    def resolve_here(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        places = ("127.0.0.1", "127.0.0.2") if host == "shop.test" else (host,)
        return [found for place in places for found in resolve(place, port, *more, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
