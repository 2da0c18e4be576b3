"""A GitHub of one's own, and our client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.github_client import TOKEN, client_of
from tests.support.github_double import GitHubDouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.edge.github import GitHub


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
