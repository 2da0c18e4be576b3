"""Servers that several files of tests ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.control_plane import running_api_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.control_plane import ApiServer


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A Kubernetes API server; every worker that asks for one has its own, on its own ports."""
    with running_api_server(tmp_path_factory.mktemp("control-plane")) as server:
        yield server
