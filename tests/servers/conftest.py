"""Servers that several files of tests ask."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.control_plane import running_api_server
from tests.support.parts import ROOT
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.control_plane import ApiServer
    from tests.support.servers import Launch


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts servers, in the folder of the project or in another one, and ends them with the test."""
    with ExitStack() as started:

        def start(kind: str, cwd: Path = ROOT, /, **env: str) -> Server:
            server = Server(kind, tmp_path, cwd, **{"HOLD": str(tmp_path / "hold"), **env})
            started.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A Kubernetes API server; every worker that asks for one has its own, on its own ports."""
    with running_api_server(tmp_path_factory.mktemp("control-plane")) as server:
        yield server
