"""A shop with a live service for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shop import Service, Shop, serving


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A live service with no release yet."""
    with serving(tmp_path / "live") as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, service: Service) -> Shop:
    """The service's project."""
    return Shop(project=tmp_path / "project", service=service)
