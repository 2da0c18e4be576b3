"""Clients: of a GitHub of one's own, and of any HTTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.asking import make
from tests.support.github_client import TOKEN, client_of
from tests.support.github_double import GitHubDouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.edge.github import GitHub
    from ci_ops.edge.http import RequestsHttp


@pytest.fixture
def double() -> Iterator[GitHubDouble]:
    """A GitHub with one empty repository."""
    with GitHubDouble(token=TOKEN) as double:
        yield double


@pytest.fixture
def github(double: GitHubDouble) -> Iterator[GitHub]:
    """Our client of it."""
    with client_of(double) as github:
        yield github


@pytest.fixture
def http() -> Iterator[RequestsHttp]:
    """An HTTP client with an empty environment."""
    made = make()
    yield made
    made.close()
