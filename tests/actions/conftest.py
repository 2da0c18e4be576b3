"""A project, its live service and GitHub, for the actions on the small runner."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.caller import RELEASES, Caller
from tests.support.github_double import GitHubDouble
from tests.support.job import TOKEN, Job, gated_python, install, offline
from tests.support.small_service import SmallService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A project that is deployed into folders of releases, and what it runs against."""

    folder: Path
    caller: Caller
    service: SmallService
    github: GitHubDouble
    installed: Path

    def job(self, **environ: str) -> Job:
        """One more job, for what is committed now; the packages are there already."""
        shop = {"SITE": str(self.service.folder), "SHOP_URL": self.service.url}
        return Job(
            folder=self.folder,
            caller=self.caller,
            service=self.service,
            github=self.github,
            environ=offline(self.folder) | shop | environ,
            installed=self.installed,
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the actions, installed once by the actions' own bootstrap."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that can be held at any line of a journal."""
    return gated_python(tmp_path_factory.mktemp("gated") / "venv")


def opened(folder: Path, installed: Path, stack: ExitStack) -> Shop:
    """A shop with its first commit, not deployed yet."""
    caller = Caller(folder / "project")
    caller.write("ci-ops.yml", RELEASES)
    caller.commit()
    return Shop(
        folder=folder,
        caller=caller,
        service=stack.enter_context(SmallService(folder / "site")),
        github=stack.enter_context(GitHubDouble("org/shop", token=TOKEN)),
        installed=installed,
    )


@pytest.fixture
def shop(tmp_path: Path, installed: Path) -> Iterator[Shop]:
    """A shop of this test's own."""
    with ExitStack() as stack:
        yield opened(tmp_path, installed, stack)


@pytest.fixture(scope="module")
def live_shop(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Shop]:
    """A shop whose first release is live and verified; every test leaves it so."""
    with ExitStack() as stack:
        shop = opened(tmp_path_factory.mktemp("shop"), installed, stack)
        assert shop.job().run("deploy", token="").outputs["reason"] == "ok"
        yield shop
